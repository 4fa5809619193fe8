"""The command line, for `python -m brainscore_cornet`, which imports nothing else from the working folder."""

import sys

# Python has put the working folder first, where a file such as torch.py would be imported in place of the library
if not sys.flags.safe_path:
    sys.path.append(sys.path.pop(0))

from .cli.main import main

main()
