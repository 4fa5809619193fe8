"""`python -m brainscore_cornet` is the command line."""

from .cli import main

main()
