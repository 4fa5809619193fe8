"""Brain-Score's metrics and ceilings with equal numbers, from fewer operations or fewer packages."""

EXACT, STOCK, CHECKED = WAYS = ("exact", "stock", "checked")
"""Who computes a benchmark's metrics: this package, where it knows them; Brain-Score; or both, which must agree."""
