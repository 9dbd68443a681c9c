"""The pytest plugin of ec2facts: fixtures that start a simulated metadata service."""

# Every pytest run with ec2facts installed loads this module, so only the fixtures import the rest of the package.
from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager

import pytest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ec2facts.imds.source import Source


@pytest.fixture
def ec2_metadata_simulator() -> Iterator[Callable[..., str]]:
    """Start a simulated metadata service for one test: call the fixture, and it returns the URL.

    ``ec2_metadata_simulator("busy")`` serves the simulated instance of that name. It also accepts a Snapshot, any other
    source, a dict of facts such as ``{"tags": {"Name": "web-1"}}``, or a dict of bodies by path; a dict without an
    instance id gets one. The fixture sets AWS_EC2_METADATA_SERVICE_ENDPOINT, which ec2facts and the AWS SDKs read.

    ``redirect=True`` also redirects every connection of this process to 169.254.169.254 or fd00:ec2::254, for clients
    with a hard-coded address; otherwise such a connection is refused while the fixture is in use. ``faults`` are fault
    specifications of the simulator: ``ec2_metadata_simulator(faults=["status=503@30%"])``.
    """
    with _simulators() as simulate:
        yield simulate


@pytest.fixture(scope="session")
def session_ec2_metadata_simulator() -> Iterator[Callable[..., str]]:
    """Start a simulated metadata service like ``ec2_metadata_simulator``; it serves until the test run ends."""
    with _simulators() as simulate:
        yield simulate


@contextmanager
def _simulators() -> Iterator[Callable[..., str]]:
    from ec2facts.imds.simulator.redirection import Redirection, redirected
    from ec2facts.imds.simulator.simulator import Simulator

    with pytest.MonkeyPatch.context() as environment, ExitStack() as running:
        redirection = running.enter_context(redirected(Redirection()))

        def simulate(
            instance: str | Source | Mapping[str, Any] = "plain",
            *,
            faults: Iterable[str] = (),
            redirect: bool = False,
        ) -> str:
            url = running.enter_context(Simulator(_source(instance), faults=faults))
            environment.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", url)
            environment.delenv("AWS_EC2_METADATA_DISABLED", raising=False)
            if redirect:
                redirection.url = url
            return url

        yield simulate


def _source(instance: str | Source | Mapping[str, Any]) -> Source | Mapping[str, bytes]:
    from ec2facts import instances

    if isinstance(instance, str):
        return instances.load(instance)
    if not isinstance(instance, Mapping):
        return instance
    if all(isinstance(body, bytes) for body in instance.values()):
        return {"meta-data/instance-id": b"i-1234567890abcdef0", **instance}
    return instances.from_facts({"instance_id": "i-1234567890abcdef0", **instance})
