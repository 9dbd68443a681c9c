"""The logger ``ec2facts``: each request at DEBUG, each wait at INFO; never a body, a token or a withheld value."""

from __future__ import annotations

import sys


def log(level: str, message: str, *arguments: object) -> None:
    """Log to ``ec2facts`` at a level such as "info", if the program uses logging.

    A program that has not imported ``logging`` has no handler, and the import would slow down every command.
    """
    logging = sys.modules.get("logging")
    if logging is not None:
        getattr(logging.getLogger("ec2facts"), level)(message, *arguments)
