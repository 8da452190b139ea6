"""`python -m clinextract`."""

import sys

from clinextract.cli import main

if __name__ == "__main__":
    sys.exit(main())
