"""How files are installed: the options of every command that writes files."""

from __future__ import annotations

import argparse
import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

from ec2facts.cli.arguments import path
from ec2facts.files import STOPPING

if TYPE_CHECKING:
    from ec2facts.install import Change

CHANGED = 10
"""The exit status of --exit-code after a change."""


class PlanOptions(argparse.Namespace):
    """What ``add_plan_options`` adds."""

    dry_run: bool
    diff: bool
    exit_code: bool
    state: Path | None
    quiet: bool


def add_plan_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of an install that are not about one file."""
    group = parser.add_argument_group("installing")
    group.add_argument(
        "--dry-run", action="store_true", help="change nothing, print what would change; checks run, live checks do not"
    )
    group.add_argument("--diff", action="store_true", help="print the changes as a unified diff, without secrets")
    group.add_argument(
        "--exit-code", action="store_true", help=f"exit with status {CHANGED} if something changed or would change"
    )
    group.add_argument("-q", "--quiet", action="store_true", help="print only diffs, warnings and errors")
    group.add_argument(
        "--state",
        type=path,
        metavar="DIR",
        help="keep state between runs (commands to retry, files to restore) in DIR "
        "(default: $STATE_DIRECTORY, else /var/lib/ec2facts for root "
        "and ec2facts in $XDG_STATE_HOME or ~/.local/state for others)",
    )


def state_directory(options: PlanOptions) -> Path:
    """Return the state directory."""
    from ec2facts.install.journal import default_state_directory

    return options.state or default_state_directory(os.environ, uid=os.geteuid())


def exit_status(changes: Sequence[Change], options: PlanOptions) -> int:
    """Return the exit status of a command after a successful install."""
    return CHANGED if options.exit_code and any(change.kind != "unchanged" for change in changes) else 0


@contextmanager
def stoppable() -> Iterator[None]:
    """Turn the first signal that asks to stop into an exception, so that unfinished changes are rolled back."""

    def stop(number: int, frame: FrameType | None) -> NoReturn:
        for each in previous:
            signal.signal(each, signal.SIG_IGN)
        if number == signal.SIGINT:
            raise KeyboardInterrupt
        raise SystemExit(128 + number)

    # nohup ignores SIGHUP: leave it so.
    previous = {number: handler for number in STOPPING if (handler := signal.getsignal(number)) is not signal.SIG_IGN}
    for number in previous:
        signal.signal(number, stop)
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
