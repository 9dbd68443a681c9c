"""The processes of a benchmark, the service and the collectors, and their medians."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from statistics import median
from typing import NamedTuple, TypeVar

from ec2facts.imds.snapshot import Snapshot
from tests.benchmarks import server, trees
from tests.benchmarks.collectors import worker

K = TypeVar("K")

ROOT = Path(__file__).parents[2]
MILLISECONDS = 2
"""The delay of the service before each answer."""

_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class FailedError(Exception):
    """A process of a benchmark ended; the message is the last line of its standard error."""


class Request(NamedTuple):
    """One request that the service answered."""

    path: str
    status: int


def environment(url: str = "http://127.0.0.1:1") -> dict[str, str]:
    """Return the environment of every measured process: no proxies, and ``url`` as the endpoint."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return {**kept, "AWS_EC2_METADATA_SERVICE_ENDPOINT": url}


class Script:
    """A module of the benchmarks in its own process, which exchanges lines."""

    def __init__(self, module: str, *arguments: str, python: str = sys.executable) -> None:
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 - close() does it
        self._process = subprocess.Popen(
            [python, "-m", module, *arguments],
            cwd=ROOT,
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            encoding="utf-8",
        )

    def ask(self, line: str = "") -> str:
        """Send ``line``, if there is one, and return the next line of the process; raise FailedError if it ended."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with suppress(BrokenPipeError):  # the process has ended, so readline returns ""
            if line:
                print(line, file=self._process.stdin, flush=True)
        answer = self._process.stdout.readline()
        if not answer:
            self._process.wait()
            self._errors.seek(0)
            raise FailedError((self._errors.read().strip() or "it ended without a message").splitlines()[-1])
        return answer.rstrip("\n")

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        with suppress(BrokenPipeError):
            self._process.communicate()
        self._errors.close()


class Service:
    """The service over one tree: ``with Service(tree) as service: service.url``."""

    def __init__(self, tree: Snapshot) -> None:
        self.tree = tree
        self.url = ""

    def __enter__(self) -> Service:
        with tempfile.TemporaryDirectory() as directory:
            file = Path(directory) / "tree.json"
            self.tree.save(file)
            self._script = Script(server.__name__, str(file), str(MILLISECONDS))
            self.url = self._script.ask()
        return self

    def __exit__(self, *exception: object) -> None:
        self._script.close()

    def requests(self) -> list[Request]:
        """Return the requests since the last call."""
        with _direct.open(self.url + server.LOG) as response:
            return [Request(path, status) for path, status in json.load(response)]


class Collector:
    """A collector, loaded once and run many times.

    ``name`` is its module in ``collectors/``, followed by a colon and the function unless that is ``collect``;
    ``python`` is the interpreter of its environment.
    """

    def __init__(self, name: str, *, python: str = sys.executable) -> None:
        self.name = name
        self.python = python
        self.version = ""

    def __enter__(self) -> Collector:
        self._script = Script(worker.__name__, self.name, python=self.python)
        try:
            self.version = json.loads(self._script.ask())
        except FailedError:
            self._script.close()
            raise
        return self

    def __exit__(self, *exception: object) -> None:
        self._script.close()

    def seconds(self, service: Service) -> float:
        """Collect once, and return the time in seconds."""
        return self._collect(service, traced=False)[0]

    def peak(self, service: Service) -> float:
        """Collect once, and return the peak of Python's memory in bytes."""
        return self._collect(service, traced=True)[1]

    def _collect(self, service: Service, *, traced: bool) -> tuple[float, float]:
        seconds, peak = json.loads(self._script.ask(json.dumps([service.url, traced])))
        return seconds, peak


class Count(NamedTuple):
    """The requests of one collection."""

    requests: int
    repeated: int
    """Requests for a path that was requested before."""
    missed: int
    """Values that were never read, except credentials."""


def count(collector: Collector, service: Service) -> Count:
    """Collect once, and count the requests to the service."""
    service.requests()
    collector.seconds(service)
    requests = service.requests()
    answered = {request.path.rstrip("/") for request in requests if request.status == 200}
    asked = {request.path for request in requests}
    return Count(len(requests), len(requests) - len(asked), len(trees.leaves(service.tree) - answered))


def medians(runs: Mapping[K, Callable[[], float]], rounds: int) -> dict[K, float]:
    """Call all ``runs`` in a warm-up and ``rounds`` rounds; return each median. Without rounds, the warm-up counts."""
    measured: dict[K, list[float]] = {name: [] for name in runs}
    for _ in range(1 + rounds):
        for name, run in runs.items():
            measured[name].append(run())
    return {name: median(values[1:] or values) for name, values in measured.items()}
