"""Brain-Score's metrics, computed faster or with fewer required packages, with equal results."""
