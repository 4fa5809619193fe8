"""Brain-Score's metrics and ceilings with equal numbers, from fewer operations or fewer packages."""
