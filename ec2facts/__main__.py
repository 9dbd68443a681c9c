"""Run the command line: ``python -m ec2facts``, or a zip file whose main function is ``run``."""

import sys
from typing import NoReturn

from ec2facts.cli import main


def run() -> NoReturn:
    """Run the command line and exit with its status."""
    sys.exit(main())


if __name__ == "__main__":
    run()
