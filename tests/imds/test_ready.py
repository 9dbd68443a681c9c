"""A service that is not ready: its missing paths are not absent."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from ec2facts import instances
from ec2facts.collection.crawl import crawl
from ec2facts.errors import AbsentError, NotReadyError, UnavailableError, UnreadError
from ec2facts.imds.client import IMDSClient
from ec2facts.imds.endpoint import ENDPOINTS
from ec2facts.imds.session import plain_session
from ec2facts.imds.simulator.simulator import Simulator
from tests.conftest import NOBODY
from tests.imds.scripted import Reply, Request, ScriptedService, Time, reply

ID = "meta-data/instance-id"
VALUE = reply(200, b"i-1234567890abcdef0")
ABSENT = reply(404, b"<html>not found</html>")
EMPTY = reply(200, b"")


@pytest.fixture
def time() -> Time:
    return Time()


def client_of(service: ScriptedService, time: Time, **options: Any) -> IMDSClient:
    return IMDSClient(service.url, **{"max_rate": 0, "environ": {}, **time.options, **options})


def paths(service: ScriptedService) -> list[str]:
    return [request.target.removeprefix("/latest/") for request in service.requests if request.method == "GET"]


@pytest.mark.parametrize(
    "script",
    [
        {},
        {"meta-data/": EMPTY, ID: VALUE},
        {"meta-data/": reply(200, b"mac"), "meta-data/mac": reply(200, b"0e:00:5e:00:53:01")},
    ],
    ids=["every path is 404", "an empty listing", "no instance-id"],
)
def test_crawl_of_a_service_that_is_not_ready_is_an_error(script: dict[str, Reply], time: Time) -> None:
    with ScriptedService(script) as service, pytest.raises(NotReadyError) as caught:
        crawl(client_of(service, time))

    assert isinstance(caught.value, UnavailableError)
    assert (caught.value.exit_status, caught.value.cause, time.slept) == (3, "not ready", [])
    assert str(caught.value).startswith(f"the metadata service at {service.url} is not ready: it has no meta-data/")
    assert "--wait" in str(caught.value)


@pytest.mark.parametrize("path", ["meta-data/kernel-id", "user-data", "meta-data/tags/instance/", ID])
def test_no_path_is_absent_if_the_service_is_not_ready(path: str, time: Time) -> None:
    with ScriptedService() as service, pytest.raises(NotReadyError):
        client_of(service, time).get(path)


def test_not_ready_is_an_http_error_of_requests_with_a_session(time: Time) -> None:
    with ScriptedService() as service, pytest.raises(NotReadyError) as caught:
        client_of(service, time, session=plain_session()).get(ID)

    assert isinstance(caught.value, requests.HTTPError)
    assert caught.value.response is not None
    assert caught.value.response.status_code == 404


@pytest.mark.parametrize("late", [{}, {"meta-data/": [EMPTY, EMPTY, reply(200, b"instance-id")]}])
def test_client_waits_until_the_service_is_ready(late: dict[str, Any], time: Time) -> None:
    script = {"meta-data/": reply(200, b"instance-id"), ID: [ABSENT, ABSENT, VALUE], **late}

    with ScriptedService(script) as service:
        crawled = crawl(client_of(service, time, wait=60))

    assert crawled.bodies[ID] == b"i-1234567890abcdef0"
    assert set(time.slept) == {1}


def test_wait_ends_after_its_seconds(time: Time) -> None:
    with ScriptedService() as service, pytest.raises(NotReadyError):
        client_of(service, time, wait=10).get("user-data")

    assert time.slept == 10 * [1]


def test_wait_ends_before_the_deadline(time: Time) -> None:
    with ScriptedService() as service, pytest.raises(NotReadyError):
        client_of(service, time, wait=600, deadline=5).get("user-data")

    assert sum(time.slept) < 5


def test_path_that_was_absent_before_readiness_is_read_again(time: Time) -> None:
    script = {"user-data": [ABSENT, reply(200, b"#!/bin/sh")], ID: [ABSENT, VALUE]}

    with ScriptedService(script) as service:
        body = client_of(service, time, wait=60).get("user-data")

    assert body == b"#!/bin/sh"


def test_value_costs_one_request(time: Time) -> None:
    with ScriptedService({"meta-data/mac": reply(200, b"0e:00:5e:00:53:01"), ID: VALUE}) as service:
        client_of(service, time).read("meta-data/mac")

    assert paths(service) == ["meta-data/mac"]


def test_instance_id_costs_one_request(time: Time) -> None:
    with ScriptedService({ID: VALUE}) as service:
        client_of(service, time).read(ID)

    assert paths(service) == [ID]


def test_first_absent_path_costs_one_extra_request(time: Time) -> None:
    with ScriptedService({ID: VALUE}) as service:
        client = client_of(service, time)
        absent = [client.get("meta-data/kernel-id"), client.get("meta-data/ramdisk-id")]
        instance_id = client.read(ID)
        again = client.read(ID)

    assert absent == [None, None]
    assert (instance_id, again) == (b"i-1234567890abcdef0", b"i-1234567890abcdef0")
    assert paths(service) == ["meta-data/kernel-id", ID, "meta-data/ramdisk-id", ID]


@pytest.mark.parametrize("name", ["plain", "busy", "xen"])
def test_crawl_costs_no_extra_request(name: str) -> None:
    simulator = Simulator(instances.load(name))

    with simulator as url:
        crawl(IMDSClient(url, max_rate=0))

    asked = [request.path for request in simulator.requests]
    assert len(asked) == len(set(asked))


def test_readiness_is_checked_once_for_all_threads(time: Time) -> None:
    together = threading.Barrier(8, timeout=10)

    def meet(_: Request) -> Reply:
        together.wait()
        return ABSENT

    with ScriptedService({"user-data": meet, ID: VALUE}) as service, ThreadPoolExecutor(8) as pool:
        bodies = list(pool.map(client_of(service, time).get, 8 * ["user-data"]))

    assert bodies == 8 * [None]
    assert paths(service).count(ID) == 1


@pytest.mark.parametrize("unread", [reply(403), reply(500), Reply(b"", "reset")], ids=["403", "500", "reset"])
def test_unread_instance_id_does_not_affect_other_paths(unread: Reply, time: Time) -> None:
    with ScriptedService({ID: unread}) as service:
        client = client_of(service, time, attempts=1)
        absent = client.get("user-data")
        with pytest.raises(UnreadError):
            client.get(ID)

    assert absent is None


def test_service_whose_listing_is_empty_later_is_not_ready(time: Time) -> None:
    with ScriptedService({"meta-data/": [reply(200, b"instance-id"), EMPTY], ID: VALUE}) as service:
        client = client_of(service, time)
        client.read("meta-data/")
        with pytest.raises(NotReadyError):
            client.read("meta-data/")


def test_check_of_readiness_can_be_omitted(time: Time) -> None:
    with ScriptedService() as service, pytest.raises(AbsentError):
        client_of(service, time, check_ready=False).read("meta-data/")

    assert paths(service) == ["meta-data/"]


# Values that are never empty


def test_empty_body_of_a_nonempty_value_is_retried(time: Time) -> None:
    with ScriptedService({"meta-data/mac": [EMPTY, EMPTY, reply(200, b"0e:00:5e:00:53:01")]}) as service:
        body = client_of(service, time).read_nonempty("meta-data/mac")

    assert body == b"0e:00:5e:00:53:01"
    assert len(time.slept) == 2


@pytest.mark.parametrize("path", ["meta-data/mac", ID])
def test_nonempty_value_whose_body_stays_empty_is_unread(path: str, time: Time) -> None:
    with (
        ScriptedService({ID: VALUE, path: EMPTY}) as service,
        pytest.raises(UnreadError, match="its body is empty") as caught,
    ):
        client_of(service, time).read_nonempty(path)

    assert caught.value.status == 200
    assert paths(service).count(path) == 3


def test_absent_nonempty_value_is_absent(time: Time) -> None:
    with ScriptedService({ID: VALUE}) as service, pytest.raises(AbsentError):
        client_of(service, time).read_nonempty("meta-data/mac")


@pytest.mark.parametrize(
    "kind",
    ["text/html", "Text/HTML; charset=utf-8", "TEXT/HTML", "application/xhtml+xml", "Application/XHTML+XML ;q=1"],
)
def test_html_page_is_recognised_by_its_type_in_any_case(kind: str, time: Time) -> None:
    page = reply(200, b"<html>Sign in</html>", {"Content-Type": kind})

    with (
        ScriptedService({"meta-data/mac": page}) as service,
        pytest.raises(UnreadError, match="its body is an HTML page"),
    ):
        client_of(service, time).read("meta-data/mac")


# Attributes of a client


@pytest.mark.parametrize(
    ("endpoint", "is_live"),
    [*((each, True) for each in ENDPOINTS.values()), (NOBODY, False), ("http://imds.example", False)],
)
def test_client_is_live_only_at_the_endpoints_of_aws(endpoint: str, is_live: bool) -> None:  # noqa: FBT001
    client = IMDSClient(endpoint)

    assert (client.is_live, client.name) == (is_live, endpoint)


def test_repr_of_a_client_names_its_endpoint_and_no_token(time: Time) -> None:
    with ScriptedService({"api/token": reply(200, b"the-token"), ID: VALUE}) as service:
        client = client_of(service, time)
        client.read(ID)

    assert repr(client) == f"<IMDSClient of {service.url}>"
