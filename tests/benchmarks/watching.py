"""Measure what ``apply --watch`` costs: ``python -m tests.benchmarks.watching [SECONDS]`` (default: 600)."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from ec2facts import Snapshot, instances
from ec2facts.imds.simulator.simulator import Simulator
from tests.cli.running import PROGRAM

CONFIG = "outputs: [{path: app.env, template: app.env}, {path: motd, template: motd}]\n"


class Counted:
    """A source that counts its requests."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.count = 0
        self._snapshot = snapshot

    def get(self, path: str, /) -> bytes | None:
        self.count += 1
        return self._snapshot.get(path)


def measure(name: str, seconds: float) -> str:
    """Return the CPU time, the memory and the requests of watching a simulated instance at the default interval."""
    source = Counted(instances.load(name))
    with tempfile.TemporaryDirectory() as directory, Simulator(source) as url:
        (Path(directory) / "config.yaml").write_text(CONFIG)
        command = [PROGRAM, "apply", f"{directory}/config.yaml", "--watch", "--endpoint", url, "--state", directory]
        with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
            try:
                time.sleep(20)  # the first run reads everything
                cpu, memory, requests = _cpu(process.pid), _memory(process.pid), source.count
                time.sleep(seconds)
                hourly = (_cpu(process.pid) - cpu) * 3600 / seconds
                growth = _memory(process.pid) - memory
                rate = (source.count - requests) * 60 / seconds
            finally:
                process.terminate()
    return f"{name}: {hourly:.0f} CPU s/h, {memory / 1000:.0f} MB ({growth:+} kB), {rate:.0f} requests a minute"


def _cpu(pid: int) -> float:
    user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def _memory(pid: int) -> int:
    """Return the resident memory in kB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0])


if __name__ == "__main__":
    duration = float(sys.argv[1]) if len(sys.argv) > 1 else 600.0
    for each in ("plain", "busy"):
        sys.stdout.write(measure(each, duration) + "\n")
