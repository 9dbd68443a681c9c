"""A signal ends every command at once, whatever the command waits for."""

from __future__ import annotations

import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ec2facts import instances
from ec2facts.imds.simulator.simulator import Simulator
from tests.cli.running import PROGRAM, started
from tests.conftest import NOBODY

STATUSES = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}

FOR_EVER = 86400
"""Seconds that outlast the test: only a signal ends such a wait."""


def ended_by(process: subprocess.Popen[bytes], number: signal.Signals) -> int:
    process.send_signal(number)
    process.communicate(timeout=10)
    return process.returncode


@pytest.mark.parametrize("number", STATUSES, ids=lambda number: number.name)
@pytest.mark.parametrize("command", ["get instance_id", "dump", "env --wait 600", "doctor"])
def test_signal_ends_a_command_whose_service_is_silent(
    command: str, number: signal.Signals, silent_service: socket.socket
) -> None:
    url = f"http://127.0.0.1:{silent_service.getsockname()[1]}"

    with started(PROGRAM, *command.split(), "--endpoint", url, "--timeout", FOR_EVER) as process:
        connection, _ = silent_service.accept()
        with connection:
            status = ended_by(process, number)

    assert status == STATUSES[number]


@pytest.mark.parametrize("number", STATUSES, ids=lambda number: number.name)
def test_signal_ends_a_crawl_whose_requests_hang(number: signal.Signals) -> None:
    simulator = Simulator(instances.load("plain"), faults=["hang@meta-data/placement/*"])

    with simulator as url, started(PROGRAM, "dump", "--endpoint", url, "--timeout", FOR_EVER) as process:
        while len(simulator.requests) < 30:
            assert process.poll() is None
            time.sleep(0.01)
        status = ended_by(process, number)

    assert status == STATUSES[number]


@pytest.mark.parametrize("number", STATUSES, ids=lambda number: number.name)
def test_signal_ends_the_wait_for_a_service_that_is_not_ready(number: signal.Signals) -> None:
    simulator = Simulator({"meta-data/mac": b"0e:00:5e:00:53:01"})

    with simulator as url, started(PROGRAM, "dump", "--endpoint", url, "--wait", FOR_EVER) as process:
        while not any(request.path == "meta-data/instance-id" for request in list(simulator.requests)):
            assert process.poll() is None
            time.sleep(0.01)
        status = ended_by(process, number)

    assert status == STATUSES[number]


@pytest.mark.parametrize("number", STATUSES, ids=lambda number: number.name)
def test_signal_ends_the_simulator(number: signal.Signals) -> None:
    with started(PROGRAM, "serve", "--port", 0) as process:
        assert process.stdout is not None
        assert process.stdout.readline()
        status = ended_by(process, number)

    assert status in {0, STATUSES[number]}


@pytest.mark.parametrize("number", STATUSES, ids=lambda number: number.name)
def test_signal_ends_the_first_process_of_a_container(
    number: signal.Signals, program: Callable[..., str], silent_service: socket.socket
) -> None:
    unshare = [program("unshare", package="util-linux"), "--user", "--map-root-user", "--pid", "--fork"]
    if subprocess.run([*unshare, "true"], check=False, stderr=subprocess.DEVNULL).returncode:
        pytest.skip("this machine does not let processes create namespaces")
    url = f"http://127.0.0.1:{silent_service.getsockname()[1]}"

    with started(*unshare, PROGRAM, "dump", "--endpoint", url, "--timeout", FOR_EVER) as process:
        connection, _ = silent_service.accept()
        first = int(Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text())
        with connection:
            subprocess.run(["kill", f"-{number.name[3:]}", str(first)], check=True)
            process.communicate(timeout=10)

    assert process.returncode == STATUSES[number]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_signal_ignored_at_the_start_stays_ignored(number: signal.Signals) -> None:
    ignored = f'trap \'\' {number.name[3:]}; exec "$0" "$@"'

    with started("sh", "-c", ignored, PROGRAM, "get", "region", "--endpoint", NOBODY, "--wait", 1) as process:
        time.sleep(0.3)
        status = ended_by(process, number)

    assert status == 3
