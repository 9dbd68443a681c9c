"""The manual page."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

from tests import manual, readme
from tests.cli.running import parsers


def test_page_is_current() -> None:
    assert manual.PAGE.read_text() == manual.written(readme.statuses()), "run `python -m tests.readme`"


def test_page_is_well_formed(program: Callable[..., str]) -> None:
    lint = [program("mandoc"), "-T", "lint", "-W", "warning", str(manual.PAGE)]

    done = subprocess.run(lint, stdout=subprocess.PIPE, check=False, encoding="utf-8")

    # The page has no date: it would change without a change of the program.
    assert [line for line in done.stdout.splitlines() if "missing date" not in line] == []


def test_page_shows_every_command_and_option(program: Callable[..., str]) -> None:
    show = [program("mandoc"), "-T", "utf8", "-O", "width=200", str(manual.PAGE)]

    shown = subprocess.run(show, stdout=subprocess.PIPE, check=True, encoding="utf-8").stdout.replace("\b", "")

    for name, parser in parsers().items():
        flags = [flag for action in parser._actions for flag in action.option_strings if name]
        # A terminal's bold is each character typed twice.
        assert [flag for flag in flags if "".join(char * 2 for char in flag) not in shown] == []
