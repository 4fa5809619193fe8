"""How long tests wait for what should happen: no test depends on how fast the machine is."""

PATIENCE = 600
"""In s: an error is reported a little before pytest's own limit, which ends a test that hangs."""
