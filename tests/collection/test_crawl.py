from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ec2facts import facts, instances
from ec2facts.collection.crawl import crawl
from ec2facts.collection.withholding import WITHHELD_NAMES
from ec2facts.errors import DisabledError, UnavailableError, UnreadError, UsageError
from ec2facts.imds.client import IMDSClient
from ec2facts.imds.simulator.simulator import Simulator
from ec2facts.imds.snapshot import Gap, Snapshot
from ec2facts.imds.source import MAX_DEPTH
from tests.conftest import NOBODY
from tests.fuzzing import examples
from tests.imds.scripted import ScriptedService, Time, reply

ALL = instances.names()
EVERYTHING = ("meta-data/", "dynamic/", "user_data")


class Failing:
    """A source that raises an error for chosen paths and records every requested path."""

    def __init__(self, bodies: dict[str, bytes], errors: dict[str, BaseException] | None = None) -> None:
        self.paths: list[str] = []
        self._bodies = Snapshot(bodies).bodies
        self._errors = errors or {}

    def get(self, path: str, /) -> bytes | None:
        self.paths.append(path)
        if path in self._errors:
            raise self._errors[path]
        return self._bodies.get(path)


# Requests


@pytest.mark.parametrize("include", [(), EVERYTHING], ids=["plain", "with everything"])
@pytest.mark.parametrize("name", ALL)
def test_each_path_is_requested_exactly_once(name: str, include: tuple[str, ...]) -> None:
    simulator = Simulator(instances.load(name))

    with simulator as url:
        snapshot = crawl(IMDSClient(url, max_rate=0), include=include)

    asked = Counter(request.path for request in simulator.requests)
    assert set(asked.values()) == {1}
    answered = {path for path, gap in snapshot.gaps.items() if gap.kind != "withheld"} | snapshot.bodies.keys()
    assert answered - asked.keys() <= {""}


@pytest.mark.parametrize("name", ALL)
def test_credentials_are_not_requested_unless_included(name: str) -> None:
    simulator = Simulator(instances.load(name))

    with simulator as url:
        crawl(IMDSClient(url, max_rate=0))

    asked = {request.path for request in simulator.requests if "security-credentials" in request.path}
    assert asked <= {"meta-data/iam/security-credentials/"}


@pytest.mark.parametrize("name", ALL)
def test_crawl_with_every_name_included_reads_every_body(name: str) -> None:
    snapshot = instances.load(name)

    crawled = crawl(snapshot, include=EVERYTHING)

    missing = {path for path in snapshot.bodies.keys() - crawled.bodies.keys() if path}
    assert missing == set()
    assert crawled.unread == {}
    assert {gap.kind for gap in crawled.gaps.values()} <= {"absent"}
    assert {path: body for path, body in crawled.bodies.items() if path} == {
        path: body for path, body in snapshot.bodies.items() if path
    }


def test_credentials_are_read_when_they_are_included() -> None:
    snapshot = instances.load("busy")
    path = "meta-data/iam/security-credentials/busy-role"

    crawled = crawl(snapshot, include=["iam_security_credentials"])

    assert crawled.bodies[path] == snapshot.bodies[path]
    assert crawled.gaps["user-data"] == Gap("withheld", "user_data")


@pytest.mark.parametrize("name", ALL)
def test_withheld_path_is_a_gap_with_the_name_that_includes_it(name: str) -> None:
    crawled = crawl(instances.load(name))

    withheld = {gap.detail for gap in crawled.gaps.values() if gap.kind == "withheld"}
    assert withheld - WITHHELD_NAMES.keys() <= {"meta-data/quantum/vault/lease"}
    assert {"user_data", "instance_identity_pkcs7"} & withheld


def test_user_data_is_requested_even_if_unlisted() -> None:
    source = Failing({"meta-data/instance-id": b"i-1234567890abcdef0"})

    snapshot = crawl(source)

    assert "user-data" in source.paths
    assert snapshot.gaps["user-data"] == Gap("absent")


def test_missing_root_is_absent() -> None:
    assert crawl({}).gaps == dict.fromkeys(["meta-data/", "dynamic/", "user-data"], Gap("absent"))


def test_listed_path_that_answers_404_is_absent() -> None:
    crawled = crawl({"meta-data/": b"metrics/\nami-id", "meta-data/metrics/": b"vhostmd", "meta-data/ami-id": b"ami-1"})

    assert crawled.gaps["meta-data/metrics/vhostmd"] == Gap("absent")
    assert crawled.bodies["meta-data/ami-id"] == b"ami-1"


def test_unknown_include_is_an_error_before_the_first_request() -> None:
    source = Failing({})

    with pytest.raises(UsageError):
        crawl(source, include=["everything"])

    assert source.paths == []


# Directories


def test_declared_directory_listed_without_a_slash_is_recognised() -> None:
    bodies = {
        "meta-data/": b"placement\nnetwork\npublic-keys\ntags",
        "meta-data/placement/": b"region",
        "meta-data/placement/region": b"us-east-1",
        "meta-data/network/": b"interfaces",
        "meta-data/network/interfaces/": b"macs",
        "meta-data/network/interfaces/macs/": b"0a:00:5e:00:53:01",
        "meta-data/network/interfaces/macs/0a:00:5e:00:53:01/": b"ipv4-associations",
        "meta-data/network/interfaces/macs/0a:00:5e:00:53:01/ipv4-associations/": b"198.51.100.7",
        "meta-data/network/interfaces/macs/0a:00:5e:00:53:01/ipv4-associations/198.51.100.7": b"10.0.0.7",
        "meta-data/public-keys/": b"0=my-key",
        "meta-data/public-keys/0/": b"openssh-key",
        "meta-data/public-keys/0/openssh-key": b"ssh-ed25519 AAAA my-key\n",
        "meta-data/tags/": b"instance",
        "meta-data/tags/instance/": b"Name",
        "meta-data/tags/instance/Name": b"example",
    }

    crawled = crawl(bodies)

    assert bodies.items() <= crawled.bodies.items()
    assert {gap.kind for gap in crawled.gaps.values()} == {"absent"}


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirected_directory_is_requested_with_its_slash(status: int) -> None:
    moved = UnreadError("meta-data/future", f"HTTP {status}", status=status)
    source = Failing(
        {"meta-data/": b"future\nami-id", "meta-data/future/x": b"1", "meta-data/ami-id": b"ami-1"},
        {"meta-data/future": moved},
    )

    crawled = crawl(source)

    assert crawled.bodies["meta-data/future/"] == b"x"
    assert crawled.bodies["meta-data/future/x"] == b"1"
    assert crawled.unread == {}
    assert set(Counter(source.paths).values()) == {1}


def test_redirected_directory_of_a_live_service_is_requested_with_its_slash() -> None:
    script = {
        "meta-data/": reply(200, b"future"),
        "meta-data/future": reply(301, b"<html>Moved</html>", {"Location": f"{NOBODY}/latest/meta-data/future/"}),
        "meta-data/future/": reply(200, b"x"),
        "meta-data/future/x": reply(200, b"1"),
        "meta-data/instance-id": reply(200, b"i-1234567890abcdef0"),
    }

    with ScriptedService(script) as service:
        crawled = crawl(IMDSClient(service.url, environ={}))

    assert facts(crawled)["meta_data"] == {"future": {"x": "1"}}


def test_directory_that_redirects_even_with_its_slash_is_unread() -> None:
    moved = UnreadError("meta-data/future/", "HTTP 301", status=301)

    crawled = crawl(Failing({"meta-data/": b"future/"}, {"meta-data/future/": moved}))

    assert crawled.unread == {"meta-data/future/": "HTTP 301"}


def test_directory_that_lists_itself_is_read_to_the_maximum_depth() -> None:
    class Endless:
        def __init__(self) -> None:
            self.paths: list[str] = []

        def get(self, path: str, /) -> bytes | None:
            self.paths.append(path)
            return b"again/\nvalue" if path.endswith("/") else b"1"

    source = Endless()

    crawled = crawl(source)

    assert max(path.count("/") for path in source.paths) == MAX_DEPTH
    assert set(crawled.unread.values()) == {f"below {MAX_DEPTH} levels of directories"}
    assert "meta-data/again/again/value" in crawled.bodies


@pytest.mark.parametrize(
    ("line", "path", "reason"),
    [
        (b"caf\xe9", "meta-data/caf\\xe9", "its name is not UTF-8"),
        (b"a/b", "meta-data/a/b", "its name holds a slash"),
        (b"/", "meta-data//", "its name holds a slash"),
        (b"../user-data", "meta-data/../user-data", "its name holds a slash"),
    ],
)
def test_unreachable_name_is_unread_and_its_siblings_are_read(line: bytes, path: str, reason: str) -> None:
    source = Failing(
        {"meta-data/": b"ami-id\n" + line + b"\nmac", "meta-data/ami-id": b"ami-1", "meta-data/mac": b"0a"}
    )

    crawled = crawl(source)

    assert crawled.unread == {path: reason}
    assert set(source.paths) == {"meta-data/", "dynamic/", "user-data", "meta-data/ami-id", "meta-data/mac"}
    assert Snapshot.parse(crawled.dump()).unread == {path: reason}


@examples(60)
@given(
    listings=st.lists(
        st.lists(st.sampled_from([b"a", b"b/", b"c//", b"..", b"\xff", b"a/b", b"\\xff", b"", b"/"]) | st.binary())
    )
)
def test_crawl_of_any_listing_ends_and_its_snapshot_can_be_saved(listings: list[list[bytes]]) -> None:
    answers = [b"\n".join(lines) for lines in listings]

    class Listed:
        def __init__(self) -> None:
            self.paths: list[str] = []

        def get(self, path: str, /) -> bytes | None:
            self.paths.append(path)
            return answers.pop() if answers and path.endswith("/") else b"1"

    source = Listed()

    crawled = crawl(source, concurrency=1, include=EVERYTHING)
    again = Snapshot.parse(crawled.dump())

    assert set(Counter(source.paths).values()) == {1}
    assert (again.bodies, again.unread) == (crawled.bodies, crawled.unread)
    assert facts(again, include=EVERYTHING) == facts(crawled, include=EVERYTHING)


def test_crawl_fails_beyond_the_maximum_number_of_bytes() -> None:
    source = {"meta-data/": b"a\nb\nc", "meta-data/a": 40 * b"x", "meta-data/b": 40 * b"x", "meta-data/c": 40 * b"x"}

    with pytest.raises(UnreadError, match="the bodies hold more than 100 bytes"):
        crawl(source, max_bytes=100)

    assert crawl(source, max_bytes=125).bodies.keys() == {*source, ""}


def test_maximum_size_of_a_crawl_is_64_mib_by_default() -> None:
    class Endless:
        asked = 0

        def get(self, path: str, /) -> bytes | None:
            self.asked += 1
            return "\n".join(map(str, range(1000))).encode() if path.endswith("/") else 1024 * 1024 * b"x"

    endless = Endless()

    with pytest.raises(UnreadError, match=f"the bodies hold more than {64 * 1024 * 1024} bytes"):
        crawl(endless, concurrency=1)
    assert endless.asked <= 70


def test_unreachable_names_count_towards_the_maximum_number_of_paths() -> None:
    names = b"\n".join(b"a/%d" % number for number in range(100))

    with pytest.raises(UnreadError, match="the listings name more than 50 paths"):
        crawl({"meta-data/": names}, max_paths=50)


def test_interrupted_crawl_does_not_wait_for_a_hanging_service() -> None:
    answer = threading.Event()

    class Hanging:
        def get(self, path: str, /) -> bytes | None:
            if path == "meta-data/b":
                raise KeyboardInterrupt
            if path == "meta-data/a":
                answer.wait(60)
            return b"a\nb" if path == "meta-data/" else b""

    before = set(threading.enumerate())

    with pytest.raises(KeyboardInterrupt):
        crawl(Hanging())

    left = set(threading.enumerate()) - before
    answer.set()
    for thread in left:
        thread.join()
    assert [thread.daemon for thread in left] == [True]


@pytest.mark.parametrize("body", [b'{"Message": "Forbidden"}', b"region\r\nzone", b"<html></html>"])
def test_directory_with_an_invalid_listing_is_unread(body: bytes) -> None:
    source = {"meta-data/": b"placement/\nmac", "meta-data/placement/": body, "meta-data/mac": b"0e:00:5e:00:53:01"}

    crawled = crawl(source)

    assert list(crawled.unread) == ["meta-data/placement/"]
    assert crawled.bodies["meta-data/mac"] == b"0e:00:5e:00:53:01"
    assert Snapshot.parse(crawled.dump()).unread == crawled.unread


# Errors


@pytest.mark.parametrize("name", ALL)
def test_unread_path_does_not_affect_other_paths(name: str) -> None:
    bodies = crawl(instances.load(name), include=EVERYTHING).bodies
    lost = [path for path in sorted(bodies) if not path.endswith("/") and path][::7]
    errors: dict[str, BaseException] = {path: UnreadError(path, "no answer within 1 s") for path in lost}

    crawled = crawl(Failing(bodies, errors), include=EVERYTHING)

    assert crawled.unread == dict.fromkeys(lost, "no answer within 1 s")
    assert crawled.bodies == {path: body for path, body in bodies.items() if path not in lost}


def test_unread_directory_affects_only_the_paths_below_it() -> None:
    bodies = {"meta-data/placement/region": b"us-east-1", "meta-data/ami-id": b"ami-1"}
    lost = {"meta-data/placement/": UnreadError("meta-data/placement/", "HTTP 503", status=503)}

    crawled = crawl(Failing(bodies, dict(lost)))

    assert crawled.gaps["meta-data/placement/"] == Gap("unread", "HTTP 503", 503)
    assert crawled.bodies["meta-data/ami-id"] == b"ami-1"


@pytest.mark.parametrize("path", ["meta-data/", "meta-data/ami-id", "user-data"])
def test_crawl_fails_if_the_service_becomes_unavailable(path: str) -> None:
    gone = UnavailableError(NOBODY, "connection refused")

    with pytest.raises(UnavailableError) as caught:
        crawl(Failing({"meta-data/ami-id": b"ami-1"}, {path: gone}))

    assert caught.value is gone


def test_unreachable_service_is_tried_once(monkeypatch: pytest.MonkeyPatch) -> None:
    time = Time()

    with pytest.raises(UnavailableError, match="connection refused"):
        crawl(IMDSClient(NOBODY, attempts=3, **time.options))

    assert len(time.slept) == 2


def test_disabled_service_gets_one_request() -> None:
    with ScriptedService({"api/token": reply(403)}) as service, pytest.raises(DisabledError):
        crawl(IMDSClient(service.url, environ={}))

    assert len(service.requests) == 1


@pytest.mark.parametrize("path", ["meta-data/", "meta-data/ami-id", "user-data"])
@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(1), ZeroDivisionError(), MemoryError()], ids=repr)
def test_interrupted_crawl_leaves_no_threads(path: str, error: BaseException) -> None:
    bodies = {f"meta-data/{number}": b"" for number in range(100)}
    source = Failing({**bodies, "meta-data/ami-id": b"ami-1"}, {path: error})
    before = set(threading.enumerate())

    with pytest.raises(type(error)):
        crawl(source)

    assert set(threading.enumerate()) - before == set()


def test_finished_crawl_leaves_no_threads() -> None:
    before = set(threading.enumerate())

    crawl({"meta-data/": b"a", "meta-data/a": b""})

    assert set(threading.enumerate()) - before == set()


def test_ctrl_c_interrupts_a_crawl_that_waits_for_the_service() -> None:
    program = f"""
import signal, time
from ec2facts import crawl
from ec2facts.imds.client import IMDSClient
signal.signal(signal.SIGINT, signal.default_int_handler)
def sleep(seconds):
    print("waiting", flush=True)
    time.sleep(seconds)
try:
    crawl(IMDSClient({NOBODY!r}, wait=600, attempts=1, sleep=sleep))
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""
    command = [sys.executable, "-c", program]

    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "waiting\n"
        process.send_signal(signal.SIGINT)
        try:
            output, errors = process.communicate(timeout=5)
        finally:
            process.kill()

    assert (output.replace("waiting\n", ""), errors, process.returncode) == ("interrupted\n", "", 0)


# Concurrency


class Counting:
    """A source that counts concurrent reads; each read waits a moment for the others."""

    def __init__(self, leaves: int, together: int) -> None:
        self.most = 0
        self._listing = "\n".join(map(str, range(leaves))).encode()
        self._inside = 0
        self._lock = threading.Lock()
        self._full = threading.Semaphore(0)
        self._together = together

    def get(self, path: str, /) -> bytes | None:
        with self._lock:
            self._inside += 1
            self.most = max(self.most, self._inside)
            if self._inside == self._together:
                self._full.release(1000)
        if path.startswith("meta-data/") and not path.endswith("/"):
            self._full.acquire(timeout=5)
        with self._lock:
            self._inside -= 1
        return self._listing if path == "meta-data/" else b""


@pytest.mark.parametrize("concurrency", [1, 2, 8, 32])
def test_concurrency_limits_the_requests_in_flight(concurrency: int) -> None:
    source = Counting(200, concurrency)

    crawl(source, concurrency=concurrency)

    assert source.most == concurrency


def test_default_concurrency_is_8() -> None:
    source = Counting(200, 8)

    crawl(source)

    assert source.most == 8


@pytest.mark.parametrize("name", ALL)
def test_concurrency_does_not_change_the_snapshot(name: str) -> None:
    snapshot = instances.load(name)

    assert crawl(snapshot, concurrency=1).dump() == crawl(snapshot, concurrency=16).dump()


def test_concurrent_crawls_can_share_a_client() -> None:
    simulator = Simulator(instances.load("plain"))

    with simulator as url, ThreadPoolExecutor(4) as pool:
        client: Any = IMDSClient(url, max_rate=0)
        dumps = {snapshot.dump() for snapshot in pool.map(crawl, 4 * [client])}

    assert len(dumps) == 1
    assert [request.method for request in simulator.requests].count("PUT") == 1
