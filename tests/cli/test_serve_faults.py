from __future__ import annotations

import pytest

from ec2facts.imds.simulator.faults import FAULTS
from tests.cli.running import PROGRAM, Capture, call, interrupt, one_line, started
from tests.imds.simulator.test_simulator import ask


def test_faults_of_the_command_line_apply() -> None:
    faults = ["--fault", "throttle=7@meta-data/mac", "--fault", "status=500@#2", "--seed", "1"]

    with started(PROGRAM, "serve", "--port", "0", *faults) as process:
        assert process.stdout is not None
        url = process.stdout.readline().decode().strip()
        replies = [ask(url, "GET", f"/latest/meta-data/{name}") for name in ("mac", "hostname", "hostname")]
        outcome = interrupt(process)

    assert [reply.status for reply in replies] == [429, 500, 401]
    assert replies[0].headers["Retry-After"] == "7"
    assert outcome.status == 0


@pytest.mark.parametrize("fault", ["explode", "status", "drop@#"])
def test_invalid_fault_is_a_one_line_error(fault: str, capfdbinary: Capture) -> None:
    outcome = call(capfdbinary, "serve", "--port", "0", "--fault", fault)

    assert (outcome.status, outcome.output) == (2, b"")
    assert one_line(outcome.errors)


def test_help_lists_each_kind_of_fault_on_its_own_line(capfdbinary: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")

    lines = [line.strip() for line in call(capfdbinary, "serve", "--help").output.decode().splitlines()]

    assert [kind.name for kind in FAULTS.values() if f"{kind.syntax}: {kind.sentence}" not in lines] == []
