"""Options for installing files, for every command that writes files."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ec2facts.cli.arguments import path

if TYPE_CHECKING:
    from ec2facts.install import Change

CHANGED = 10
"""The exit status of --exit-code after a change."""


class PlanOptions(argparse.Namespace):
    """The parsed options of ``add_plan_options``."""

    dry_run: bool
    diff: bool
    exit_code: bool
    state: Path | None
    quiet: bool


def add_plan_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of a whole install."""
    group = parser.add_argument_group("installing")
    group.add_argument(
        "--dry-run", action="store_true", help="only print what would change; checks run, live checks do not"
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
