"""Brain-Score's metrics and ceilings in forms that give the same numbers from fewer operations."""
