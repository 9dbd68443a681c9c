"""Install and enable the systemd units that write facts at boot and keep files up to date."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ec2facts.cli.arguments import path
from ec2facts.cli.install_options import PlanOptions
from ec2facts.cli.streams import say, write_stdout

EXAMPLE = "ec2facts units install --root image -q && ls image/etc/ec2facts"


class Options(PlanOptions):
    action: str | None
    root: Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "action",
        nargs="?",
        choices=["install"],
        metavar="ACTION",
        help="install: write the units to /etc/systemd/system and their config to /etc/ec2facts, and enable the units; "
        "existing configs are kept (default: list the units)",
    )
    parser.add_argument(
        "--root",
        type=path,
        default=Path("/"),
        metavar="DIR",
        help="install into the root file system DIR, such as that of an image (default: /)",
    )
    parser.add_argument("-q", "--quiet", action="store_true", help="print only errors")
    parser.set_defaults(dry_run=False, diff=False)


def run(options: Options) -> None:
    """Install the units, or list them."""
    from ec2facts.units import find_program, install_units, list_units

    if options.action is None:
        listed = (f"{each.name}\n    {each.sentence}\n" for each in list_units())
        write_stdout("".join(listed).encode())
        return
    from ec2facts.cli.printer import Printer

    program = find_program(options.root, Path(sys.argv[0]))
    with Printer(options) as printer:
        changes = install_units(options.root, program=program, observer=printer)
    is_running = options.root.resolve() == Path("/") and Path("/run/systemd/system").is_dir()
    if is_running and any(change.kind == "changed" for change in changes) and not options.quiet:
        say("run `systemctl daemon-reload`, or reboot, for systemd to read the units")
