"""``ec2facts show``."""

from __future__ import annotations

import os
import pty
import subprocess

import pytest

from tests.cli.running import PROGRAM, Capture, call


def test_summary_of_a_simulated_instance_is_printed(capfdbinary: Capture) -> None:
    outcome = call(capfdbinary, "show", "--simulate", "busy")

    assert (outcome.status, outcome.errors) == (0, "")
    assert outcome.output.startswith(b"! Spot Instance: terminate")


def test_named_fact_is_printed_in_full(capfdbinary: Capture) -> None:
    outcome = call(capfdbinary, "show", "tags", "--simulate")

    assert outcome.output.decode() == "tags\n  Environment = production\n  Name = web-1\n  Owner = ops@example.com\n"


def test_html_format_prints_a_page(capfdbinary: Capture) -> None:
    outcome = call(capfdbinary, "show", "-f", "html", "--simulate")

    assert outcome.output.lower().lstrip().startswith(b"<!doctype html>")
    assert b"i-1234567890abcdef0" in outcome.output


def test_html_page_of_one_fact_is_refused(capfdbinary: Capture) -> None:
    outcome = call(capfdbinary, "show", "tags", "-f", "html", "--simulate")

    assert (outcome.status, outcome.output) == (2, b"")
    assert "leave out NAME or -f html" in outcome.errors


@pytest.mark.parametrize(
    ("variables", "escapes"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)], ids=str
)
def test_colors_are_printed_only_on_a_terminal_that_shows_them(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], escapes: object
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    terminal, end = pty.openpty()

    subprocess.run(
        [PROGRAM, "show", "--simulate"], stdout=end, env={**os.environ, "TERM": "xterm", **variables}, check=True
    )

    os.close(end)
    shown = os.read(terminal, 65536)
    os.close(terminal)
    assert (b"\x1b[" in shown) is escapes
