"""`python -m avemo.cli`: the same as `avemo`."""

import sys

from . import main

sys.exit(main())
