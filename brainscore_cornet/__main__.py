"""`python -m brainscore_cornet` is the command line."""

from .cli.main import main

main()
