"""One EC2Metadata serves many threads, and the forked children of a process with threads."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from ec2facts import EC2Metadata, IMDSClient, NetworkInterface, instances
from ec2facts.errors import AbsentError
from ec2facts.imds.simulator.simulator import Simulator
from ec2facts.metadata.descriptor import attributes

THREADS = 32
CACHED = [name for name, each in attributes(EC2Metadata).items() if each.cached]


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    simulator = Simulator(instances.load("busy"))
    with simulator:
        yield simulator


@pytest.fixture
def metadata(simulator: Simulator) -> EC2Metadata:
    return EC2Metadata(source=IMDSClient(simulator.url, max_rate=0))


@pytest.fixture
def frequent_switches() -> Iterator[None]:
    """Switch between threads as often as possible."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


def in_parallel(*actions: Callable[[], object]) -> list[Any]:
    """Return the results of the actions, each run in its own thread, all started together."""
    together = threading.Barrier(len(actions))

    def run(action: Callable[[], object]) -> object:
        together.wait(10)
        return action()

    with ThreadPoolExecutor(len(actions)) as pool:
        return list(pool.map(run, actions))


def gets(simulator: Simulator) -> Counter[str]:
    return Counter(request.path for request in simulator.requests if request.method == "GET")


def puts(simulator: Simulator) -> int:
    return sum(request.method == "PUT" for request in simulator.requests)


def test_threads_that_read_one_attribute_send_one_request(metadata: EC2Metadata, simulator: Simulator) -> None:
    values = in_parallel(*[lambda: metadata.instance_id] * THREADS)

    assert values == ["i-1234567890abcdef0"] * THREADS
    assert [request.method for request in simulator.requests] == ["PUT", "GET"]


def test_threads_that_read_different_attributes_fetch_one_token(metadata: EC2Metadata, simulator: Simulator) -> None:
    def read(first: int) -> list[object]:
        return [getattr(metadata, name) for name in CACHED[first:] + CACHED[:first]]

    values = in_parallel(*(lambda first=number: read(first) for number in range(THREADS)))

    assert len(values) == THREADS
    assert puts(simulator) == 1
    assert set(gets(simulator).values()) == {1}


def test_threads_that_read_without_the_cache_fetch_one_token(metadata: EC2Metadata, simulator: Simulator) -> None:
    values = in_parallel(
        *[lambda: [getattr(metadata, name) for name in ("instance_action", "spot_termination_time")]] * 32
    )

    assert values == [["none", "2026-01-15T10:02:00Z"]] * THREADS
    assert puts(simulator) == 1
    assert set(gets(simulator).values()) == {THREADS}


@pytest.mark.usefixtures("frequent_switches")
def test_threads_create_one_live_source(simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", simulator.url)
    metadata = EC2Metadata()

    sources = in_parallel(*[lambda: metadata.source] * THREADS)

    assert len({id(source) for source in sources}) == 1


def test_threads_that_read_one_tag_send_one_request(metadata: EC2Metadata, simulator: Simulator) -> None:
    in_parallel(*[lambda: metadata.tags["Name"]] * THREADS)

    assert gets(simulator) == {"meta-data/tags/instance/": 1, "meta-data/tags/instance/Name": 1}


def test_threads_that_read_parts_send_each_request_once(metadata: EC2Metadata, simulator: Simulator) -> None:
    def read() -> list[dict[str, list[str]]]:
        return [interface.ipv4_associations for interface in metadata.network_interfaces.values()]

    values = in_parallel(*[read] * THREADS)

    assert values == [values[0]] * THREADS
    assert set(gets(simulator).values()) == {1}


@pytest.mark.usefixtures("frequent_switches")
@pytest.mark.parametrize("instance", ["busy", "plain"])
def test_threads_read_while_others_clear(instance: str) -> None:
    metadata = EC2Metadata(source=instances.load(instance))
    names = [
        "instance_id",
        "account_id",
        "instance_profile_name",
        "tags",
        "public_keys",
        "security_groups",
        "kernel_id",
    ]
    expected = [getattr(metadata, name) for name in names]
    interfaces = [each.ipv4_associations for each in metadata.network_interfaces.values()]

    def read() -> bool:
        return all(
            [getattr(metadata, name) for name in names] == expected
            and [each.ipv4_associations for each in metadata.network_interfaces.values()] == interfaces
            for _ in range(20)
        )

    def clear() -> bool:
        for _ in range(200):
            metadata.clear_all()
            for each in metadata.network_interfaces.values():
                each.clear_all()
        return True

    assert in_parallel(*[read, read, read, clear] * 2) == [True] * 8


@pytest.mark.parametrize("part", [False, True])
def test_value_read_during_a_clearing_is_not_cached(part: bool) -> None:  # noqa: FBT001
    asked, answer, cleared = threading.Event(), threading.Event(), threading.Event()
    bodies = iter([b"before", b"after"])

    class Slow:
        def get(self, path: str, /) -> bytes | None:
            asked.set()
            answer.wait(5)
            return next(bodies)

    def clear() -> None:
        resource.clear_all()
        cleared.set()

    metadata = EC2Metadata(source=Slow())
    resource = NetworkInterface("0e:00:5e:00:53:01", metadata) if part else metadata
    reading = threading.Thread(target=getattr, args=(resource, "private_hostname"))
    clearing = threading.Thread(target=clear)
    reading.start()
    asked.wait(5)
    clearing.start()
    cleared.wait(0.1)
    answer.set()
    reading.join()
    clearing.join()

    assert resource.private_hostname == "after"


def test_absent_value_raises_while_another_thread_reads_it_again() -> None:
    asked, answer = threading.Event(), threading.Event()

    class Bare:
        def get(self, path: str, /) -> bytes | None:
            if threading.current_thread() is other:
                asked.set()
                answer.wait(5)
            return None

    class Interrupted(dict[str, AbsentError]):
        """The errors of absent values; a look-up first lets the other thread run."""

        def get(self, *arguments: Any) -> Any:
            other.start()
            asked.wait(0.2)
            return super().get(*arguments)

    def read_anew() -> None:
        metadata.clear_all()
        _ = metadata.ancestor_ami_ids

    metadata = EC2Metadata(source=Bare())
    metadata.absent = Interrupted()
    other = threading.Thread(target=read_anew)

    with pytest.raises(AbsentError):
        EC2Metadata.ancestor_ami_ids.require(metadata)

    answer.set()
    other.join()


def test_threads_read_the_live_service_while_another_clears(metadata: EC2Metadata, simulator: Simulator) -> None:
    def read() -> set[tuple[str, str]]:
        return {(metadata.instance_id, metadata.region) for _ in range(20)}

    def clear() -> set[tuple[str, str]]:
        for _ in range(10):
            metadata.clear_all()
        return {("i-1234567890abcdef0", "eu-central-1")}

    assert in_parallel(*[read] * 7, clear) == [{("i-1234567890abcdef0", "eu-central-1")}] * 8
    assert {request.status for request in simulator.requests} == {200}


def test_thread_reads_a_value_while_another_thread_waits() -> None:
    asked, answer = threading.Event(), threading.Event()

    class Slow:
        def get(self, path: str, /) -> bytes | None:
            if path == "meta-data/mac":
                asked.set()
                answer.wait(5)
            return path.encode()

    metadata = EC2Metadata(source=Slow())
    _ = metadata.instance_id
    waiting = threading.Thread(target=lambda: metadata.mac)
    waiting.start()
    asked.wait(5)
    value, still_waiting = metadata.instance_id, waiting.is_alive()
    answer.set()
    waiting.join()

    assert (value, still_waiting) == ("meta-data/instance-id", True)


FORK = """
import os, signal, sys, threading
from ec2facts import EC2Metadata, IMDSClient, NetworkInterface, instances
from ec2facts.errors import AbsentError
from ec2facts.imds.simulator.simulator import Simulator

snapshot = instances.load("busy")
asked, answer = threading.Event(), threading.Event()

class Slow:
    def get(self, path, /):
        if path == slow and threading.current_thread() is waiting:
            asked.set()
            answer.wait()
        return snapshot.get(path)

def read(metadata):
    interface = NetworkInterface("0e:00:5e:00:53:2b", metadata)
    return [metadata.mac, metadata.instance_id, metadata.tags["Name"], interface.vpc_id]
"""

FORKED_CHILD = """
waiting.start()
asked.wait()
child = os.fork()
if not child:
    signal.alarm(10)  # what hangs is ended by it
    os._exit(0 if read(metadata) == wanted else 1)
status = os.waitpid(child, 0)[1]
answer.set()
waiting.join()
print(status, read(metadata) == wanted)
"""

HELD_BY_AN_ATTRIBUTE = """
slow = "meta-data/instance-id"
metadata = EC2Metadata(source=Slow())
waiting = threading.Thread(target=read, args=[metadata])
wanted = ["0e:00:5e:00:53:2b", "i-1234567890abcdef0", "busy-1", "vpc-1234567890abcdef0"]
"""

HELD_FOR_A_TOKEN = """
wanted = ["0e:00:5e:00:53:2b", "i-1234567890abcdef0", "busy-1", "vpc-1234567890abcdef0"]

class SlowSimulator(Simulator):
    def answer(self, method, target, headers):
        if method == "PUT" and not asked.is_set():
            asked.set()
            answer.wait()
        return super().answer(method, target, headers)

simulator = SlowSimulator(snapshot)
simulator.__enter__()
metadata = EC2Metadata(source=IMDSClient(simulator.url, timeout=60))
waiting = threading.Thread(target=metadata.source.read, args=["meta-data/mac"])
"""


@pytest.mark.parametrize("held", [HELD_BY_AN_ATTRIBUTE, HELD_FOR_A_TOKEN], ids=["an attribute", "a token"])
def test_child_reads_a_value_that_another_thread_was_reading_at_the_fork(held: str) -> None:
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", FORK + held + FORKED_CHILD]

    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True, timeout=60)

    assert done.stdout == "0 True\n"
