from __future__ import annotations

import re
import subprocess
import urllib.request
from pathlib import Path

import pytest

from ec2facts import instances
from ec2facts.cli import serve
from ec2facts.imds.client import IMDSClient
from ec2facts.imds.simulator.simulator import Simulator
from tests.cli.running import PROGRAM, Capture, call, interrupt, one_line, started


def url_of(process: subprocess.Popen[bytes]) -> str:
    """Return the URL that a server prints when it is ready."""
    assert process.stdout is not None
    return process.stdout.readline().decode().rstrip("\n")


def test_example_serves_until_ctrl_c() -> None:
    command = re.sub(r"(--port) \d+", r"\1 0", serve.EXAMPLE).replace("ec2facts", PROGRAM, 1)

    with started("sh", "-c", f"exec {command}") as process:
        url = url_of(process)
        assert process.stderr is not None
        message = process.stderr.readline().decode()  # the server handles Ctrl-C from here on
        request = urllib.request.Request(
            f"{url}/latest/api/token", method="PUT", headers={"X-aws-ec2-metadata-token-ttl-seconds": "60"}
        )
        with urllib.request.urlopen(request) as answer:
            token = answer.read()
        outcome = interrupt(process)

    assert command != serve.EXAMPLE
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+", url)
    assert len(token) == 56
    assert (outcome.status, outcome.errors) == (0, "")
    assert message == f"ec2facts: serving; use it with: export AWS_EC2_METADATA_SERVICE_ENDPOINT={url}\n"


def test_file_is_served(tmp_path: Path) -> None:
    file = tmp_path / "snapshot.json"
    file.write_text('{"meta-data/hostname": {"body": "here"}}')

    with started(PROGRAM, "serve", file, "--port", 0) as process:
        body = IMDSClient(url_of(process)).get("meta-data/hostname")

    assert body == b"here"


def test_directory_with_the_name_of_an_instance_is_ignored(tmp_path: Path) -> None:
    (tmp_path / "busy").mkdir()

    with started("sh", "-c", 'cd "$1" && exec "$0" serve busy --port 0', PROGRAM, tmp_path) as process:
        body = IMDSClient(url_of(process)).get("meta-data/instance-type")

    assert body == instances.load("busy").read("meta-data/instance-type")


def test_error_for_a_mistyped_instance_lists_the_instances(capfdbinary: Capture) -> None:
    outcome = call(capfdbinary, "serve", "bussy", "--port", 0)

    assert outcome.status == 2
    assert ", ".join(instances.names()) in outcome.errors


def test_port_in_use_is_one_line(capfdbinary: Capture) -> None:
    with Simulator({}) as url:
        outcome = call(capfdbinary, "serve", "--port", url.rpartition(":")[2])

    assert (outcome.status, outcome.output) == (1, b"")
    assert one_line(outcome.errors)


@pytest.mark.parametrize("host", ["0.0.0.0", "example.com"])
def test_address_outside_loopback_is_refused(host: str, capfdbinary: Capture) -> None:
    outcome = call(capfdbinary, "serve", "--host", host)

    assert outcome.status == 2
    assert "loopback" in outcome.errors


def test_edited_file_is_served_with_reload(tmp_path: Path) -> None:
    file = tmp_path / "snapshot.json"
    file.write_text('{"meta-data/instance-id": {"body": "i-1"}, "meta-data/hostname": {"body": "here"}}')

    with started(PROGRAM, "serve", file, "--port", 0, "--reload") as process:
        client = IMDSClient(url_of(process))
        before = client.get("meta-data/hostname")
        file.write_text("{")
        during = client.get("meta-data/hostname")
        file.write_text('{"meta-data/instance-id": {"body": "i-1"}, "meta-data/hostname": {"body": "there now"}}')
        after = client.get("meta-data/hostname")
        outcome = interrupt(process)

    assert (before, during, after) == (b"here", b"here", b"there now")
    assert f"ec2facts: warning: serving the last valid snapshot of {file}: {file}: not JSON" in outcome.errors


def test_reload_of_a_simulated_instance_is_refused(capfdbinary: Capture) -> None:
    outcome = call(capfdbinary, "serve", "busy", "--port", 0, "--reload")

    assert outcome.status == 2
    assert one_line(outcome.errors, "ec2facts: error: --reload is for a snapshot file; 'busy' is not one")


def test_dashes_without_a_command_are_a_usage_error(capfdbinary: Capture) -> None:
    outcome = call(capfdbinary, "serve", "busy", "--")

    assert outcome.status == 2
    assert outcome.errors == "ec2facts: error: -- must be followed by a command; see `ec2facts serve --help`\n"
