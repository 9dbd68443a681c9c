from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.running import PROGRAM, Capture, call, execute, one_line
from tests.imds.namespaces import require_namespaces


@pytest.fixture
def namespaces() -> None:
    require_namespaces()


@pytest.mark.usefixtures("namespaces")
def test_command_finds_the_simulated_instance_at_the_default_endpoint() -> None:
    outcome = execute(PROGRAM, "serve", "busy", "--", PROGRAM, "get", "instance_type")

    assert outcome == (0, b"p4d.24xlarge\n", "")


@pytest.mark.usefixtures("namespaces")
def test_default_instance_is_plain() -> None:
    assert execute(PROGRAM, "serve", "--", PROGRAM, "get", "instance_type").output == b"t3.micro\n"


@pytest.mark.usefixtures("namespaces")
def test_snapshot_file_is_served_to_the_command(tmp_path: Path) -> None:
    file = tmp_path / "snapshot.json"
    file.write_text('{"meta-data/instance-id": {"body": "i-1234567890abcdef0"}}')

    outcome = execute(PROGRAM, "serve", file, "--", PROGRAM, "get", "instance_id")

    assert outcome == (0, b"i-1234567890abcdef0\n", "")


@pytest.mark.usefixtures("namespaces")
def test_options_after_the_dashes_go_to_the_command(program: Callable[..., str]) -> None:
    command = [program("curl"), "--silent", "--write-out", "%{http_code}", "--output", os.devnull]

    outcome = execute(PROGRAM, "serve", "--fault", "status=503", "--", *command, "http://169.254.169.254/latest/")

    assert outcome == (0, b"503", "")


@pytest.mark.usefixtures("namespaces")
@pytest.mark.parametrize(("command", "status"), [("nosuch", 127), ("/etc", 126)])
def test_command_that_cannot_start_has_the_exit_status_of_shells(command: str, status: int) -> None:
    outcome = execute(PROGRAM, "serve", "plain", "--", command)

    assert (outcome.status, outcome.output) == (status, b"")
    assert one_line(outcome.errors, f"ec2facts: error: {command}: ")


@pytest.mark.parametrize("option", ["--host=127.0.0.1", "--port=0"])
def test_host_and_port_are_refused_with_a_command(option: str, capfdbinary: Capture) -> None:
    outcome = call(capfdbinary, "serve", "plain", option, "--", "true")

    assert outcome.status == 2
    assert one_line(outcome.errors, "ec2facts: error: --host and --port do not apply to a COMMAND")
