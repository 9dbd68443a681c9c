"""The entrypoint of README.md «At boot» runs as process 1 of a container: it waits, execs, and can be stopped."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from ec2facts import instances
from ec2facts.imds import Simulator
from tests.boot.scenarios import SECTION
from tests.cli.running import PROGRAM
from tests.conftest import NOBODY
from tests.render.config_readers import wait_until

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can create a PID namespace")


def container(program: Callable[..., str], directory: Path, endpoint: str, app: Sequence[str]) -> subprocess.Popen[str]:
    """Start the entrypoint with the command ``app`` as process 1 of a new PID namespace."""
    (script,) = re.findall(r"^```sh\n(#!/bin/sh\n.*?)^```$", SECTION, re.MULTILINE | re.DOTALL)
    file = directory / "entrypoint"
    # Longer than a test may take: an earlier end comes from a signal.
    file.write_text(script.replace("/tmp/ec2.env", str(directory / "ec2.env")).replace("--wait 60", "--wait 3600"))
    file.chmod(0o755)
    unshare = [program("unshare", package="util-linux"), "--pid", "--fork", "--kill-child", "--mount-proc"]
    path = f"{Path(PROGRAM).parent}:{os.environ['PATH']}"
    return subprocess.Popen(
        [*unshare, str(file), *app],
        env={"PATH": path, "AWS_EC2_METADATA_SERVICE_ENDPOINT": endpoint},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def children(pid: int) -> list[int]:
    """Return the children of a process."""
    file = Path(f"/proc/{pid}/task/{pid}/children")
    return list(map(int, file.read_text().split())) if file.exists() else []


def test_app_starts_with_the_facts_and_gets_the_signal(program: Callable[..., str], tmp_path: Path) -> None:
    app = 'trap "exit 5" TERM; echo "$EC2_INSTANCE_ID $EC2_TAGS_NAME"; while :; do sleep 0.1; done'

    with Simulator(instances.load("plain"), faults=["refused=1"]) as url:
        running = container(program, tmp_path, url, ["sh", "-c", app])
        assert running.stdout is not None
        line = running.stdout.readline()
    (first,) = children(running.pid)
    os.kill(first, signal.SIGTERM)
    running.communicate(timeout=120)

    assert line == "i-1234567890abcdef0 web-1\n"
    assert running.returncode == 5


def test_signal_ends_the_wait(program: Callable[..., str], tmp_path: Path) -> None:
    running = container(program, tmp_path, NOBODY, ["touch", str(tmp_path / "started")])

    wait_until(lambda: any(children(first) for first in children(running.pid)), "the command that waits")
    (first,) = children(running.pid)
    os.kill(first, signal.SIGTERM)
    running.communicate(timeout=120)

    assert running.returncode == 143
    assert not (tmp_path / "started").exists()


def test_app_does_not_start_without_the_facts(program: Callable[..., str], tmp_path: Path) -> None:
    with Simulator(instances.load("plain"), faults=["status=403@api/token"]) as url:
        running = container(program, tmp_path, url, ["touch", str(tmp_path / "started")])
        running.communicate(timeout=120)

    assert running.returncode == 3
    assert not (tmp_path / "started").exists()
