"""`python -m watermark mark|trace|rescore`; see `watermark.command.line`."""

import sys

from watermark.command.line import main

if __name__ == "__main__":
    sys.exit(main())
