"""`python -m pghalab`."""

import sys

from pghalab.cli import main

if __name__ == "__main__":
    sys.exit(main())
