"""Common mistakes: each error is one line with the remedy."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.running import Capture, call, one_line


@pytest.mark.parametrize(
    ("arguments", "status", "error"),
    [
        (["dump", "--from", "plain"], 2, "there is no file plain; did you mean --simulate plain?"),
        (
            ["dump", "--from", "dump.json"],
            1,
            "dump.json: this is a dump; write a snapshot with `ec2facts snapshot`",
        ),
        (["render", "/", "--simulate"], 5, "/: is a directory, not a template"),
        (["render", "nginx", "--simulate"], 5, " (did you mean 'nginx-ec2.conf'?)"),
        (["serve", "--fault", "delay"], 2, "the fault 'delay': delay needs SECONDS, as in delay=SECONDS"),
        (["serve", "--fault", "dely=1"], 2, "no fault 'dely' (did you mean 'delay'?)"),
        (["serve", "--fault", "drop=1"], 2, "the fault 'drop=1': drop takes no value"),
        (["dump", "--simulate", "-o", "missing/x", "-q"], 1, "there is no directory "),
        (["dump", "--simulate", "-o", "./"], 2, "is a directory; name a file in it"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_mistake_is_one_line_with_the_remedy(
    arguments: list[str],
    status: int,
    error: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfdbinary: Capture,
) -> None:
    monkeypatch.chdir(tmp_path)
    call(capfdbinary, "dump", "--simulate", "-o", "dump.json")

    outcome = call(capfdbinary, *arguments)

    assert (outcome.status, outcome.output) == (status, b"")
    assert one_line(outcome.errors)
    assert error in outcome.errors


@pytest.mark.parametrize("command", ["dump", "env"])
def test_glob_without_a_match_on_this_instance_is_explained(command: str, capfdbinary: Capture) -> None:
    outcome = call(capfdbinary, command, "--only", "tags.Name", "--only", "region", "--simulate", "xen")

    assert outcome.status == 0
    assert b"us-west-1" in outcome.output
    assert outcome.errors.startswith("ec2facts: warning: 'tags.Name' selects nothing: tags are switched off")
    assert "--instance-metadata-tags enabled" in outcome.errors
