"""A pytest plugin that comes with the install: a metadata service for the tests of any project."""

# Every pytest run where ec2facts is installed loads this module: what it needs, it imports when it is used.
from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from ec2facts.imds.source import Source


@pytest.fixture
def ec2_metadata_simulator(
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Callable[..., str]]:
    """Start a simulated metadata service, and lead ec2facts and the AWS SDKs to it: call it for the URL.

    ``ec2_metadata_simulator("busy")`` serves the simulated instance of that name, a Snapshot, a mapping of
    bodies by path or any other source serves itself. ``faults`` are those of the simulator:
    ``ec2_metadata_simulator(faults=["status=503@30%"])``. It stops at the end of the test.
    """
    from contextlib import ExitStack

    from ec2facts.imds.simulator.simulator import Simulator
    from ec2facts.instances import load

    with ExitStack() as running:

        def simulate(instance: str | Source | Mapping[str, bytes] = "plain", *, faults: Iterable[str] = ()) -> str:
            source = load(instance) if isinstance(instance, str) else instance
            if isinstance(source, Mapping) and "meta-data/instance-id" not in source:
                source = {**source, "meta-data/instance-id": b"i-1234567890abcdef0"}  # without it nothing is ready
            url = running.enter_context(Simulator(source, faults=faults))
            monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", url)
            monkeypatch.delenv("AWS_EC2_METADATA_DISABLED", raising=False)
            return url

        yield simulate
