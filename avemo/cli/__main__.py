"""`python -m avemo.cli`: the same as `avemo`."""

import sys

from . import main

if __name__ == "__main__":
    sys.exit(main())
