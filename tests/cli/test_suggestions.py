"""Suggestions for mistyped words, and the words ``help`` and ``version``."""

from __future__ import annotations

import pytest

from ec2facts import __version__
from tests.cli.running import Capture, call


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["dmup"], "there is no command 'dmup' (did you mean 'dump'?); see `ec2facts --help`"),
        (["xyzzy"], "there is no command 'xyzzy' (choose from show, dump, "),
        (["dump", "--inclde", "x"], "unrecognized arguments: --inclde x (did you mean --include?)"),
        (["dump", "--form=json"], "unrecognized arguments: --form=json (did you mean --format?)"),
        (["dump", "-f", "jsn"], "argument -f/--format: there is no 'jsn' (did you mean 'json'?)"),
        (["templates", "motdd"], "no shipped template 'motdd' (did you mean 'motd'?)"),
        (["help", "dmup"], "there is no command 'dmup' (did you mean 'dump'?)"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_mistyped_word_gets_a_suggestion(arguments: list[str], error: str, capfdbinary: Capture) -> None:
    outcome = call(capfdbinary, *arguments)

    assert outcome.output == b""
    assert outcome.errors.startswith(f"ec2facts: error: {error}")


@pytest.mark.parametrize(
    ("words", "options"),
    [
        (["help"], ["--help"]),
        (["help", "get"], ["get", "--help"]),
        (["templates", "list"], ["templates"]),
        (["templates", "motd"], ["templates", "show", "motd"]),
    ],
    ids=lambda value: " ".join(value),
)
def test_word_is_the_same_as_its_option(words: list[str], options: list[str], capfdbinary: Capture) -> None:
    assert call(capfdbinary, *words) == call(capfdbinary, *options)


def test_version_is_also_a_word(capfdbinary: Capture) -> None:
    assert call(capfdbinary, "version").output.decode() == f"ec2facts {__version__}\n"
