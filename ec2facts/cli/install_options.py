"""The options of commands that install files."""

from __future__ import annotations

import argparse
import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

from ec2facts.cli.streams import path
from ec2facts.files import STOPPING

if TYPE_CHECKING:
    from ec2facts.install import Change

CHANGED = 10
"""The exit status that --exit-code asks for where something changed."""


class PlanOptions(argparse.Namespace):
    """What ``add_plan_options`` adds."""

    dry_run: bool
    diff: bool
    exit_code: bool
    state: Path | None
    quiet: bool


def add_plan_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say how files are installed, whatever they are."""
    group = parser.add_argument_group("installing")
    group.add_argument(
        "--dry-run", action="store_true", help="change nothing, say what would change; checks do run, live ones do not"
    )
    group.add_argument("--diff", action="store_true", help="print what changes, but for secrets, as a unified diff")
    group.add_argument(
        "--exit-code", action="store_true", help=f"exit with status {CHANGED} if something changed, or would"
    )
    group.add_argument("-q", "--quiet", action="store_true", help="print nothing but diffs and what goes wrong")
    group.add_argument(
        "--state",
        type=path,
        metavar="DIR",
        help="keep what one run leaves to the next in DIR (default: $STATE_DIRECTORY, else /var/lib/ec2facts for root "
        "and ec2facts in $XDG_STATE_HOME or ~/.local/state for others)",
    )


def state_directory(options: PlanOptions) -> Path:
    """Return where state is kept."""
    from ec2facts.install.journal import default_state_directory

    return options.state or default_state_directory(os.environ, uid=os.geteuid())


def exit_status(changes: Sequence[Change], options: PlanOptions) -> int:
    """Return what the command ends with."""
    return CHANGED if options.exit_code and any(change.kind != "unchanged" for change in changes) else 0


@contextmanager
def stoppable() -> Iterator[None]:
    """Have signals that ask to stop raise, once, so that what is half done is undone first."""

    def stop(number: int, frame: FrameType | None) -> NoReturn:
        for each in previous:
            signal.signal(each, signal.SIG_IGN)
        if number == signal.SIGINT:
            raise KeyboardInterrupt
        raise SystemExit(128 + number)

    # What is ignored stays so: nohup does that.
    previous = {number: handler for number in STOPPING if (handler := signal.getsignal(number)) is not signal.SIG_IGN}
    for number in previous:
        signal.signal(number, stop)
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
