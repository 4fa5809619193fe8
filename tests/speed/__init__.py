"""How fast ours is, side by side with what a user would run instead: `python -m tests.speed`."""
