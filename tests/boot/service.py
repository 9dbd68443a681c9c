"""The metadata service of a guest, at its real address: the guest has no network but its own loopback interface."""

from __future__ import annotations

import signal
import sys
import time
from pathlib import Path

from ec2facts.imds import Simulator, Snapshot

SETTINGS = Path("/opt/imds")


class File:
    """A source that reads its snapshot for each request: a new file is a changed instance."""

    def get(self, path: str) -> bytes | None:
        return Snapshot.load(SETTINGS / "instance.json").get(path)


if __name__ == "__main__":
    time.sleep(float((SETTINGS / "delay").read_text()))
    faults = (SETTINGS / "faults").read_text().split()
    simulator = Simulator(File(), faults=faults, host="169.254.169.254", port=80)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    with simulator:
        try:
            simulator.wait()
        finally:
            statuses = [str(request.status) for request in simulator.requests]
            (SETTINGS / "statuses").write_text(" ".join(statuses))
