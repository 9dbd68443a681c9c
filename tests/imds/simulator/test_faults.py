"""The outcome of every fault: correct facts or a correct error, within bounds."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import pytest

from ec2facts.collection.crawl import crawl
from ec2facts.collection.facts import facts
from ec2facts.errors import DisabledError, EC2FactsError, NotReadyError, UnavailableError, UsageError
from ec2facts.imds.client import IMDSClient
from ec2facts.imds.rate_limits import LONGEST_WAIT
from ec2facts.imds.reply import BODY_LIMIT
from ec2facts.imds.simulator.faults import FAULTS, Where, parse_fault
from ec2facts.imds.simulator.simulator import Request, Simulator
from ec2facts.imds.source import MAX_DEPTH
from tests.imds.faulty import INSTANCE, PATHS, collect_from, facts_without, settled_threads
from tests.imds.simulator.test_simulator import TTL, ask, connect, get, new_token

PLACEMENT = "meta-data/placement/"
REGION = f"{PLACEMENT}region"
TAGS = "meta-data/tags/instance/"
MACS = "meta-data/network/interfaces/macs/"
ATTEMPTS = 3


class Row(NamedTuple):
    """A fault and its outcome: every fact, every fact but ``unread``, or ``error``."""

    fault: str
    unread: tuple[str, ...] = ()
    error: type[EC2FactsError] | None = None
    max_requests: int = PATHS
    """The maximum number of requests, without the first token request."""
    settings: Mapping[str, Any] = MappingProxyType({})

    @property
    def guarantee(self) -> str:
        """The outcome in words, for the README."""
        if self.error is not None:
            return f"exit status {self.error.exit_status}, after at most {_requests(self.max_requests + 1)}"
        more = self.max_requests - PATHS
        extra = f", with at most {_requests(more)} more" if more > 0 else ""
        if self.unread:
            return f"every fact but {', '.join(self.unread)}; exit status 4{extra}"
        return f"every fact{extra}"

    @property
    def kind(self) -> str:
        return self.fault.partition("@")[0].partition("=")[0]


def _requests(count: int) -> str:
    return f"{count} request{'s' * (count != 1)}"


WITH_RETRIES = PATHS + ATTEMPTS - 1
"""The requests if one path uses all its attempts."""

TOKEN_RETRIES = ATTEMPTS - 1
"""The requests if the token uses all its attempts."""

THREE_ATTEMPTS = MappingProxyType({"attempts": ATTEMPTS, "concurrency": 1})
"""By default a throttled request has more attempts, and delays concurrent requests."""

TICKING = MappingProxyType({"tick": 0.02, "concurrency": 1})
"""Time passes without sleep, as during an endless reply."""

ROWS = [
    Row("refused=5", error=UnavailableError, max_requests=0),
    Row("refused=5", settings={"wait": 600}),
    Row("drop", error=UnavailableError, max_requests=TOKEN_RETRIES),
    Row(f"drop@{REGION}", (REGION,), max_requests=WITH_RETRIES),
    Row("drop@#1", max_requests=PATHS + 1),
    Row("drop@30%", max_requests=2 * PATHS, settings={"attempts": 12}),
    Row(f"hang@{REGION}", (REGION,), max_requests=WITH_RETRIES, settings={"timeout": 0.5}),
    Row("garble", error=UnavailableError, max_requests=TOKEN_RETRIES),
    Row(f"garble@{REGION}", (REGION,), max_requests=WITH_RETRIES),
    Row("delay=0.001"),
    Row(f"delay=5@{REGION}", (REGION,), max_requests=WITH_RETRIES, settings={"timeout": 0.5}),
    Row("slow=0.0001"),
    Row("slow-head=0.0001"),
    Row("slow-head=0.001", error=UnavailableError, max_requests=TOKEN_RETRIES, settings=TICKING),
    Row(f"slow-head=0.001@{REGION}", (REGION,), max_requests=WITH_RETRIES, settings=TICKING),
    Row("interim=0.001", error=UnavailableError, max_requests=TOKEN_RETRIES, settings=TICKING),
    Row(f"interim=0.001@{REGION}", (REGION,), max_requests=WITH_RETRIES, settings=TICKING),
    Row("trailers=0.001", error=UnavailableError, max_requests=TOKEN_RETRIES, settings=TICKING),
    Row(f"trailers=0.001@{REGION}", (REGION,), max_requests=WITH_RETRIES, settings=TICKING),
    Row("chunk-size=0.001", error=UnavailableError, max_requests=TOKEN_RETRIES, settings=TICKING),
    Row(f"chunk-size=0.001@{REGION}", (REGION,), max_requests=WITH_RETRIES, settings=TICKING),
    Row("reset", error=UnavailableError, max_requests=TOKEN_RETRIES),
    Row(f"reset@{REGION}", (REGION,), max_requests=WITH_RETRIES),
    Row("reset@30%", max_requests=2 * PATHS, settings={"attempts": 12}),
    Row("truncate", error=UnavailableError, max_requests=TOKEN_RETRIES),
    Row(f"truncate@{REGION}", (REGION,), max_requests=WITH_RETRIES),
    Row(f"truncate@{TAGS}", (TAGS,), max_requests=WITH_RETRIES),
    Row("oversize@api/token", error=UnavailableError, max_requests=0),
    Row(f"oversize@{REGION}", (REGION,)),
    Row(f"oversize@{TAGS}", (TAGS,)),
    Row("status=403@api/token", error=DisabledError, max_requests=0),
    Row("status=400@api/token", error=UnavailableError, max_requests=0),
    Row("status=404@api/token", error=UnavailableError, max_requests=0),
    Row("status=503@api/token", error=UnavailableError, max_requests=TOKEN_RETRIES, settings=THREE_ATTEMPTS),
    Row(f"status=403@{REGION}", (REGION,)),
    Row(f"status=429@{REGION}", (REGION,), max_requests=WITH_RETRIES, settings=THREE_ATTEMPTS),
    Row(f"status=500@{REGION}", (REGION,), max_requests=WITH_RETRIES),
    Row(f"status=503@{PLACEMENT}", (PLACEMENT,), max_requests=WITH_RETRIES, settings=THREE_ATTEMPTS),
    Row("status=503@30%", max_requests=2 * PATHS, settings={"attempts": 12}),
    Row("status=503@#1-3", max_requests=WITH_RETRIES + ATTEMPTS, settings={"attempts": 12}),
    Row(f"status=401@{REGION}", (REGION,), max_requests=PATHS + 2),
    Row("status=401@#2", max_requests=PATHS + 3),
    Row(f"throttle@{REGION}", (REGION,), max_requests=WITH_RETRIES, settings=THREE_ATTEMPTS),
    Row(f"throttle=86400@{REGION}", (REGION,), max_requests=WITH_RETRIES, settings=THREE_ATTEMPTS),
    Row("throttle=2@#1-3", max_requests=WITH_RETRIES + ATTEMPTS, settings={"attempts": 12}),
    Row("rate=1000000"),
    Row(f"redirect=http://127.0.0.1:1/latest/@{PLACEMENT}", (PLACEMENT,)),
    Row("empty@api/token", error=UnavailableError, max_requests=0),
    Row("empty@meta-data/instance-id", ("meta-data/instance-id",), max_requests=WITH_RETRIES),
    Row("empty@meta-data/instance-type", ("meta-data/instance-type",), max_requests=WITH_RETRIES),
    Row("not-ready=5", error=NotReadyError, max_requests=1),
    Row("not-ready=5", max_requests=PATHS + 10, settings={"wait": 600}),
    Row(f"error-page@{REGION}", (REGION,)),
    Row("error-page", error=UnavailableError, max_requests=0),
    Row("cloud=azure", error=UnavailableError, max_requests=0),
    Row("cloud=google", error=UnavailableError, max_requests=0),
    Row("cloud=openstack", error=UnavailableError, max_requests=0),
    Row("html@api/token", error=UnavailableError, max_requests=0),
    Row("html", error=UnavailableError, max_requests=0),
    Row("ttl=1", max_requests=3 * PATHS, settings={"tick": 0.002}),
    Row("list=..@meta-data/"),
    Row("list=.@meta-data/tags/"),
    Row("list=./@meta-data/"),
    Row("list=meta-data/@meta-data/", max_requests=PATHS + 1),
    Row("list=tags/@meta-data/tags/", max_requests=PATHS + 1),
    Row("list=nowhere@meta-data/", max_requests=PATHS + 1),
    Row(f"crlf@{PLACEMENT}", (PLACEMENT,)),
    Row(f"crlf@{TAGS}", (TAGS,)),
    Row("children=0"),
    Row("appear=2@meta-data/*"),
    Row("vanish=1000000@meta-data/*"),
]  # fmt: skip
"""Faults whose outcome is an error, or the facts of INSTANCE without the unread values."""

OTHERS = {"loop", "binary"}
"""Kinds with separate tests, because they add facts."""


def identify(row: Row) -> str:
    return f"{row.fault} {' '.join(map(str, row.settings.values()))}".rstrip()


def test_every_kind_of_fault_has_a_row() -> None:
    assert {row.kind for row in ROWS} | OTHERS == set(FAULTS)


@pytest.mark.parametrize("row", ROWS, ids=identify)
def test_fault_costs_only_the_facts_that_it_affects(row: Row) -> None:
    threads = threading.active_count()

    outcome = collect_from(row.fault, **row.settings)

    if row.error is None:
        assert outcome.error is None
        assert {path.rstrip("/") for path in outcome.unread} == {path.rstrip("/") for path in row.unread}
        assert outcome.facts == facts_without(outcome.unread)
    else:
        assert isinstance(outcome.error, row.error)
        assert outcome.error.exit_status == 3
    assert len(outcome.requests) <= row.max_requests + 1
    assert outcome.slept <= ATTEMPTS * LONGEST_WAIT * max(1, len(row.unread)) + row.settings.get("wait", 25)
    assert settled_threads(threads) <= threads
    gc.collect()  # an open socket raises a ResourceWarning, which is an error


@pytest.mark.parametrize("number", range(2, PATHS + 2))
def test_token_that_expires_at_any_request_is_renewed_without_loss_of_facts(number: int) -> None:
    outcome = collect_from(f"status=401@#{number}")

    assert outcome.facts == facts(INSTANCE)
    assert len(outcome.requests) <= PATHS + 1 + 2


def test_tokens_that_expire_immediately_are_an_error() -> None:
    outcome = collect_from("ttl=0")

    assert set(outcome.unread.values()) == {"HTTP 401"}
    assert max(count for (method, _), count in outcome.request_counts.items() if method == "GET") == 2


def test_retry_after_is_obeyed_up_to_a_limit() -> None:
    one_second = collect_from(f"throttle=1@{REGION}", attempts=ATTEMPTS, concurrency=1)
    one_day = collect_from(f"throttle=86400@{REGION}", attempts=ATTEMPTS, concurrency=1)

    assert (one_second.slept, one_day.slept) == (ATTEMPTS - 1, (ATTEMPTS - 1) * LONGEST_WAIT)


def test_empty_tag_is_not_absent() -> None:
    outcome = collect_from(f"empty@{TAGS}Name")

    assert outcome.facts["tags"] == {**facts(INSTANCE)["tags"], "Name": ""}
    assert outcome.unread == {}


def test_not_ready_service_becomes_ready_after_its_seconds() -> None:
    now = [0.0]

    with Simulator(INSTANCE, faults=["not-ready=2"], clock=lambda: now[0]) as url:
        statuses = []
        for now[0] in (0.0, 1.9, 2.0):
            token = new_token(url)
            statuses.append(ask(url, "GET", "/latest/meta-data/mac", **{"X-aws-ec2-metadata-token": token}).status)

    assert statuses == [404, 404, 200]


def test_oversize_body_is_read_only_up_to_the_limit() -> None:
    outcome = collect_from(f"oversize={10 * BODY_LIMIT}@{REGION}")

    assert outcome.unread == {REGION: f"its body exceeds {BODY_LIMIT} bytes"}


def test_redirect_is_not_followed() -> None:
    with Simulator(INSTANCE) as elsewhere:
        pass
    trap = Simulator(INSTANCE)
    with trap as elsewhere:
        outcome = collect_from(f"redirect={elsewhere}/latest/meta-data/mac@{REGION}*")

    assert trap.requests == []
    assert set(outcome.unread.values()) == {"HTTP 302"}


@pytest.mark.parametrize("name", ["/etc/passwd", "a/b", "../../etc", "//", "http://127.0.0.1/"])
def test_name_with_a_slash_is_unread_and_never_requested(name: str) -> None:
    outcome = collect_from(f"list={name}@meta-data/")

    assert list(outcome.unread.values()) == ["its name holds a slash"]
    assert without_collection(outcome.facts) == without_collection(facts(INSTANCE))
    assert len(outcome.requests) == PATHS + 1


def test_recursive_directory_is_read_down_to_the_maximum_depth() -> None:
    outcome = collect_from(f"loop@{PLACEMENT}")

    assert outcome.unread
    assert set(outcome.unread.values()) == {f"below {MAX_DEPTH} levels of directories"}
    assert outcome.facts["region"] == "us-east-1"
    assert len(outcome.requests) <= PATHS + 1 + MAX_DEPTH * 4
    assert max(outcome.request_counts.values()) == 1


@pytest.mark.parametrize("count", [1, 1000])
def test_each_of_many_children_is_read_once(count: int) -> None:
    outcome = collect_from(f"children={count}@{TAGS}")

    tags = outcome.facts["tags"]
    assert len(tags) == len(facts(INSTANCE)["tags"]) + count
    assert tags["child-0"] == "child-0"
    assert max(outcome.request_counts.values()) == 1


def test_listing_of_ten_thousand_children_is_read() -> None:
    names = [f"child-{number}" for number in range(10_000)]
    bodies = {f"meta-data/tags/instance/{name}": name.encode() for name in names}

    tags = facts(crawl(Simulator(bodies).source))["tags"]

    assert list(tags) == sorted(names)


def test_bytes_that_are_not_utf_8_are_kept_and_text_facts_are_unread() -> None:
    outcome = collect_from("binary@meta-data/placement/*")

    tree = outcome.facts["meta_data"]["placement"]
    assert tree["region"] == {"base64": "//51cy1lYXN0LTE="}
    assert outcome.unread == {
        "meta-data/placement/\\xff\\xfe": "its name is not UTF-8",
        "meta-data/placement/availability-zone": "not UTF-8",
        "meta-data/placement/availability-zone-id": "not UTF-8",
        REGION: "not UTF-8",
    }
    assert outcome.facts["instance_id"] == facts(INSTANCE)["instance_id"]


def test_bodies_that_are_not_utf_8_are_all_kept() -> None:
    outcome = collect_from("binary")

    assert len(outcome.requests) == PATHS + 1
    assert outcome.facts["meta_data"]["mac"]["base64"]
    assert set(outcome.unread.values()) == {
        "its name is not UTF-8",
        "not UTF-8",
        "not JSON",
        "not a decimal number",
        "neither true nor false",
    }


@pytest.mark.parametrize("absent", [f"{MACS}02:*", f"{MACS}02:*/?*"], ids=["before it is listed", "before it is read"])
def test_vanishing_interface_costs_only_its_own_facts(absent: str) -> None:
    outcome = collect_from(f"status=404@{absent}")

    expected = facts(INSTANCE)
    for tree in (outcome.facts, expected):
        del tree["network_interfaces"], tree["meta_data"]["network"]
    assert outcome.facts == {name: value for name, value in expected.items() if name in outcome.facts}
    assert outcome.facts["instance_id"]
    assert outcome.facts["collection"]["unread"] == {}


@pytest.mark.parametrize("fault", ["appear", "vanish"])
def test_interface_appears_and_vanishes_at_a_request(fault: str) -> None:
    simulator = Simulator(INSTANCE, faults=[f"{fault}=4@{MACS}*"])

    with simulator as url:
        client = IMDSClient(url, check_ready=False)
        listings = [client.get(MACS), client.get(MACS + "02:00:5e:00:53:17/"), client.get(MACS)]

    is_listed = [b"02:00:5e:00:53:17/" in (listing or b"") for listing in (listings[0], listings[2])]
    assert is_listed == ([False, True] if fault == "appear" else [True, False])
    assert (listings[1] is None) == (fault == "appear")


def test_rate_counts_the_requests_of_one_second() -> None:
    now = [0.0]
    simulator = Simulator(INSTANCE, faults=["rate=2"], clock=lambda: now[0])

    with simulator as url:
        for now[0] in (0.0, 0.5, 0.9, 1.0, 1.1, 1.5):
            ask(url, "PUT", "/latest/api/token", **{TTL: "60"})

    assert [request.status for request in simulator.requests] == [200, 200, 429, 200, 429, 200]


def test_ttl_fault_limits_the_lifetime_of_a_token() -> None:
    with Simulator(INSTANCE, faults=["ttl=7"]) as url:
        replies = [ask(url, "PUT", "/latest/api/token", **{TTL: asked}) for asked in ("5", "60", "0")]

    assert [(reply.status, reply.headers[TTL]) for reply in replies] == [(200, "5"), (200, "7"), (400, None)]


def test_retry_after_is_sent() -> None:
    with Simulator(INSTANCE, faults=["throttle=3"]) as url:
        reply = ask(url, "GET", "/latest/")

    assert (reply.status, reply.headers["Retry-After"]) == (429, "3")


def test_share_depends_on_the_seed_but_not_on_the_order() -> None:
    def failed_paths(seed: int, paths: Iterable[str]) -> set[str]:
        simulator = Simulator(INSTANCE, faults=["status=503@50%"], seed=seed)
        with simulator as url:
            for path in paths:
                ask(url, "GET", f"/latest/{path}")
        return {request.path for request in simulator.requests if request.status == 503}

    paths = sorted(INSTANCE.bodies)

    assert failed_paths(1, paths) == failed_paths(1, reversed(paths))
    assert failed_paths(1, paths) != failed_paths(2, paths)
    assert 0.3 * len(paths) < len(failed_paths(1, paths)) < 0.7 * len(paths)


def test_faults_apply_in_order() -> None:
    faults = ["status=503@meta-data/mac", "binary@meta-data/m*", "status=404@meta-data/mac"]

    with Simulator(INSTANCE, faults=faults) as url:
        token = new_token(url)
        first = ask(url, "GET", "/latest/meta-data/mac", **{"X-aws-ec2-metadata-token": token})

    assert first.status == 503


def test_fixture_accepts_faults(ec2_metadata_simulator: Callable[..., str]) -> None:
    url = ec2_metadata_simulator("busy", faults=["status=503@meta-data/mac"])

    assert get(url, "/latest/meta-data/mac").status == 503


def test_path_that_a_fault_does_not_match_is_served() -> None:
    with Simulator(INSTANCE, faults=["status=503@meta-data/mac"]) as url:
        assert get(url, "/latest/meta-data/instance-id").body == INSTANCE.bodies["meta-data/instance-id"]


def test_request_without_an_answer_is_recorded() -> None:
    simulator = Simulator(INSTANCE, faults=["drop"])

    with simulator as url, pytest.raises(ConnectionError):
        ask(url, "GET", "/latest/")

    assert simulator.requests == [Request("GET", "", 0)]


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("drop", Where()),
        ("drop@", Where()),
        ("drop@meta-data/a@b", Where(glob="meta-data/a@b")),
        ("drop@30%", Where(share=0.3)),
        ("drop@#2", Where(first=2, last=2)),
        ("drop@#2-5", Where(first=2, last=5)),
    ],
)
def test_fault_with_where_is_parsed(text: str, where: Where) -> None:
    assert parse_fault(text).where == where


@pytest.mark.parametrize(
    "text",
    [
        "",
        "explode",
        "drop@30",
        "drop=1",
        "status",
        "status=",
        "status=99",
        "status=600",
        "status=abc",
        "delay=-1",
        "delay=nan",
        "delay=inf",
        "delay=soon",
        "children=-1",
        "list=",
        "redirect=a\r\nb",
        "cloud=",
        "cloud=nine",
        "not-ready",
        "drop@#",
        "drop@#x",
        "drop@x%",
        "drop@300%",
    ],
)
def test_invalid_fault_is_a_usage_error(text: str) -> None:
    with pytest.raises(UsageError, match="fault"):
        Simulator(INSTANCE, faults=[text])


@pytest.mark.parametrize("kind", FAULTS.values(), ids=list(FAULTS))
def test_every_kind_of_fault_has_a_description(kind: Any) -> None:
    assert kind.sentence[0].islower()
    assert not kind.sentence.endswith(".")
    assert kind.syntax.startswith(kind.name)


def test_stopped_simulator_closes_hanging_connections() -> None:
    threads = threading.active_count()
    simulator = Simulator(INSTANCE, faults=["hang"])

    with simulator as url:
        waiting = connect(url)
        waiting.sendall(b"GET /latest/ HTTP/1.1\r\n\r\n")
        while not simulator.requests:
            time.sleep(0.001)
    with waiting:
        reply = waiting.recv(1)

    assert reply == b""
    assert settled_threads(threads) <= threads


def without_collection(everything: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in everything.items() if name != "collection"}
