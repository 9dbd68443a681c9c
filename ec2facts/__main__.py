"""Run the command line: ``python -m ec2facts``."""

import sys

from ec2facts.cli import main

if __name__ == "__main__":
    sys.exit(main())
