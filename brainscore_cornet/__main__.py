"""The command line, for `python -m brainscore_cornet`."""

from .cli.main import main

main()
