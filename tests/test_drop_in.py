"""Code written for ec2-metadata 2.17 runs on ec2facts: the tests compare the two packages."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timezone
from functools import cached_property, partial
from typing import Any

import ec2_metadata as original
import pytest
import requests
from requests.adapters import HTTPAdapter
from requests_mock import ANY, Mocker

import ec2facts
from ec2facts import (
    TOKEN_TTL_SECONDS,
    EC2Metadata,
    InstanceTags,
    NetworkInterface,
    PublicKey,
    SpotInstanceAction,
    ec2_metadata,
    instances,
)
from ec2facts.errors import EC2FactsError, UnreadError
from ec2facts.imds.session import plain_session
from ec2facts.imds.simulator.simulator import Request, Simulator
from ec2facts.imds.snapshot import Snapshot
from ec2facts.metadata.descriptor import Resource, attributes

ENDPOINT = "AWS_EC2_METADATA_SERVICE_ENDPOINT"
SERVICE = "http://169.254.169.254/latest/"
"""The default URL of the package; in these tests requests_mock answers, and nothing is sent."""

PUT = Request("PUT", "api/token", 200)
CREDENTIALS = "meta-data/iam/security-credentials/"


def computed(kind: type) -> dict[str, Any]:
    """Return the computed attributes of a class of the original, as functions by name."""
    members = vars(kind).items()
    getters = {name: value.fget for name, value in members if isinstance(value, property)}
    return getters | {name: value.func for name, value in members if isinstance(value, cached_property)}


# The original requests credentials under the name of the instance profile; separate tests cover them.
ATTRIBUTES = sorted(computed(original.EC2Metadata).keys() - {"iam_security_credentials"})
INTERFACE_ATTRIBUTES = sorted(computed(original.NetworkInterface))

ABSENT: dict[str, object] = {
    "autoscaling_target_lifecycle_state": None,
    "availability_zone_id": None,
    "iam_info": None,
    "iam_security_credentials": None,
    "instance_profile_arn": None,
    "instance_profile_id": None,
    "instance_profile_name": None,
    "kernel_id": None,
    "public_hostname": None,
    "public_ipv4": None,
    "public_keys": {},
    "spot_instance_action": None,
    "user_data": None,
}
"""The values of attributes when the service answers 404; the other attributes raise."""

ABSENT_OF_INTERFACES: dict[str, object] = {
    "ipv4_associations": {},
    "ipv6_prefix": [],
    "ipv6s": [],
    "public_hostname": None,
    "public_ipv4s": [],
    "subnet_ipv4_cidr_block": None,
    "subnet_ipv6_cidr_blocks": [],
    "vpc_ipv4_cidr_block": None,
    "vpc_ipv4_cidr_blocks": [],
    "vpc_ipv6_cidr_blocks": [],
}


class Faulty:
    """The bodies of a snapshot, and an HTTP status for each path (without a final slash) in ``faults``."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.faults: dict[str, int] = {}

    def get(self, path: str, /) -> bytes | None:
        status = self.faults.get(path.rstrip("/"), 200)
        if status in {200, 404}:
            return self.snapshot.get(path) if status == 200 else None
        raise UnreadError(path, f"HTTP {status}", status=status)


class Served:
    """A simulated instance, with a client of each package."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.source = Faulty(snapshot)
        self.now = 0.0
        self.simulator = Simulator(self.source, clock=lambda: self.now)

    def original(self) -> original.EC2Metadata:
        client = original.EC2Metadata()
        client.service_url = f"{self.simulator.url}/latest/"
        client.dynamic_url = f"{self.simulator.url}/latest/dynamic/"
        client.metadata_url = f"{self.simulator.url}/latest/meta-data/"
        client.userdata_url = f"{self.simulator.url}/latest/user-data/"
        assert "169.254" not in repr(vars(client))
        return client

    def ours(self) -> EC2Metadata:
        return EC2Metadata(source=ec2facts.IMDSClient(self.simulator.url, session=plain_session(), check_ready=False))

    def requests_of(self, read: Callable[[], object]) -> list[Request]:
        """Return the requests that ``read`` sends."""
        before = len(self.simulator.requests)
        read()
        return self.simulator.requests[before:]


@pytest.fixture(scope="module")
def served() -> Iterator[dict[str, Served]]:
    everything = {name: Served(instances.load(name)) for name in instances.names()}
    for each in everything.values():
        each.simulator.__enter__()
    yield everything
    for each in everything.values():
        each.simulator.__exit__()


@pytest.fixture
def busy(served: dict[str, Served]) -> Iterator[Served]:
    yield served["busy"]
    served["busy"].source.faults = {}


@pytest.fixture
def mocked(requests_mock: Mocker, monkeypatch: pytest.MonkeyPatch) -> Iterator[Mocker]:
    """Mock the service like the test suites of users of the original."""
    monkeypatch.delenv(ENDPOINT)
    ec2_metadata.clear_all()
    requests_mock.put("http://169.254.169.254/latest/api/token", text="example-token")
    yield requests_mock
    ec2_metadata.clear_all()


def outcome(read: Callable[[], object]) -> object:
    """Return the result of ``read`` in types that both packages share, or its error."""
    try:
        return plain(read())
    except (requests.RequestException, EC2FactsError, AttributeError) as error:
        return error


def plain(value: Any) -> Any:
    if isinstance(value, (original.NetworkInterface, original.PublicKey, Resource)):
        return repr(value)
    if isinstance(value, (original.SpotInstanceAction, SpotInstanceAction)):
        return value.action, value.time
    if isinstance(value, Mapping):
        return {plain(key): plain(each) for key, each in value.items()}
    return value


def corrected(value: Any) -> Any:
    """Return a value of the original without its two errors.

    The original decodes text as Latin-1, the default of requests without a charset, and keeps the empty lines of lists.
    """
    if isinstance(value, str):
        return value.encode("latin-1").decode()
    if isinstance(value, list):
        return [corrected(each) for each in value if each]
    if isinstance(value, dict):
        return {corrected(key): corrected(each) for key, each in value.items()}
    return value


def equals_original(old: object, new: object) -> bool:
    """Whether two outcomes are equal, or the new error is an instance of the old one's class with the same status."""
    if not isinstance(old, Exception):
        return bool(corrected(old) == new)
    return isinstance(new, type(old)) and status_of(old) == status_of(new)


def status_of(error: Exception) -> int | None:
    response = getattr(error, "response", None)
    return None if response is None else response.status_code


@pytest.mark.parametrize("instance", instances.names())
@pytest.mark.parametrize("name", ATTRIBUTES)
def test_attribute_equals_the_original(served: dict[str, Served], instance: str, name: str) -> None:
    old = outcome(lambda: getattr(served[instance].original(), name))
    new = outcome(lambda: getattr(served[instance].ours(), name))

    assert equals_original(old, new), (old, new)


@pytest.mark.parametrize("instance", instances.names())
@pytest.mark.parametrize("name", INTERFACE_ATTRIBUTES)
def test_attribute_of_interfaces_equals_the_original(served: dict[str, Served], instance: str, name: str) -> None:
    old, new = served[instance].original().network_interfaces, served[instance].ours().network_interfaces

    for mac in old:
        pair = outcome(partial(getattr, old[mac], name)), outcome(partial(getattr, new[mac], name))
        assert equals_original(*pair), (mac, pair)


@pytest.mark.parametrize("instance", instances.names())
def test_public_keys_equal_the_original(served: dict[str, Served], instance: str) -> None:
    old = {name: key.openssh_key for name, key in served[instance].original().public_keys.items()}
    new = {name: key.openssh_key for name, key in served[instance].ours().public_keys.items()}

    assert old == new


@pytest.mark.parametrize("name", ATTRIBUTES)
def test_attribute_sends_the_requests_of_the_original(busy: Served, name: str) -> None:
    old, new = busy.original(), busy.ours()

    first = busy.requests_of(partial(getattr, new, name))
    again = busy.requests_of(partial(getattr, new, name))

    assert first == busy.requests_of(partial(getattr, old, name))
    assert again == busy.requests_of(partial(getattr, old, name))


@pytest.mark.parametrize("name", INTERFACE_ATTRIBUTES)
def test_attribute_of_an_interface_sends_the_requests_of_the_original(busy: Served, name: str) -> None:
    mac = busy.ours().mac
    old, new = original.NetworkInterface(mac, busy.original()), NetworkInterface(mac, busy.ours())

    first = busy.requests_of(partial(getattr, new, name))
    again = busy.requests_of(partial(getattr, new, name))

    assert first == busy.requests_of(partial(getattr, old, name))
    assert again == []


BETTER_ON_404 = {"region", "ipv4_associations"}
"""The attributes that work without an absent path, where the original raises: from another path, or in part."""


def statuses(names: list[str]) -> list[tuple[str, int]]:
    """Return each name with each status for which its error equals the original's."""
    return [
        (name, status) for name in names for status in (403, 404, 410) if status != 404 or name not in BETTER_ON_404
    ]


@pytest.mark.parametrize(("name", "status"), statuses(ATTRIBUTES))
def test_error_for_any_path_of_an_attribute_equals_the_original(busy: Served, name: str, status: int) -> None:
    asked = busy.requests_of(lambda: getattr(busy.ours(), name))

    for _, path, _ in asked[1:]:
        busy.source.faults = {path.rstrip("/"): status}
        old = outcome(lambda: getattr(busy.original(), name))
        new = outcome(lambda: getattr(busy.ours(), name))
        assert equals_original(old, new), (path, old, new)


@pytest.mark.parametrize(("name", "status"), statuses(INTERFACE_ATTRIBUTES))
def test_error_for_any_path_of_an_interface_equals_the_original(busy: Served, name: str, status: int) -> None:
    mac = busy.ours().mac
    asked = busy.requests_of(lambda: getattr(NetworkInterface(mac, busy.ours()), name))

    for _, path, _ in asked[1:]:
        busy.source.faults = {path.rstrip("/"): status}
        old = outcome(lambda: getattr(original.NetworkInterface(mac, busy.original()), name))
        new = outcome(lambda: getattr(NetworkInterface(mac, busy.ours()), name))
        assert equals_original(old, new), (path, old, new)


@pytest.mark.parametrize("name", ATTRIBUTES)
def test_deleted_attribute_is_read_again_as_in_the_original(busy: Served, name: str) -> None:
    pair: list[Any] = [busy.original(), busy.ours()]

    never_read = [outcome(partial(delattr, each, name)) for each in pair]
    values = [outcome(partial(getattr, each, name)) for each in pair]
    read = [outcome(partial(delattr, each, name)) for each in pair]
    old, new = [busy.requests_of(partial(getattr, each, name)) for each in pair]

    assert [type(each) for each in never_read] == [AttributeError, AttributeError]
    assert equals_original(*values)
    assert type(read[0]) is type(read[1])
    assert old == new


@pytest.mark.parametrize(
    ("document", "name"),
    [
        ("instance_identity_document", "account_id"),
        ("instance_identity_document", "region"),
        ("iam_info", "instance_profile_arn"),
        ("iam_info", "instance_profile_id"),
        ("iam_info", "instance_profile_name"),
    ],
)
def test_attribute_follows_its_document_as_in_the_original(busy: Served, document: str, name: str) -> None:
    pair: list[Any] = [busy.original(), busy.ours()]
    for each in pair:
        getattr(each, name)
        delattr(each, document)

    old, new = [busy.requests_of(partial(getattr, each, name)) for each in pair]

    assert old == new


@pytest.mark.parametrize("kind", ["EC2Metadata", "NetworkInterface", "PublicKey"])
def test_types_equal_the_types_of_ec2_metadata(kind: str) -> None:
    old = {name: get.__annotations__["return"] for name, get in computed(getattr(original, kind)).items()}
    new = {name: each.type_name for name, each in attributes(getattr(ec2facts, kind)).items()}

    assert old.items() <= new.items()


@pytest.mark.parametrize("kind", ["EC2Metadata", "NetworkInterface", "PublicKey", "InstanceTags", "SpotInstanceAction"])
def test_classes_have_the_names_of_ec2_metadata(kind: str) -> None:
    old = list(inspect.signature(getattr(original, kind)).parameters)
    new = inspect.signature(getattr(ec2facts, kind)).parameters

    assert list(new)[: len(old)] == old
    assert all(new[name].kind is inspect.Parameter.KEYWORD_ONLY for name in list(new)[len(old) :])


@pytest.mark.parametrize("kind", ["IamInfoDict", "IamSecurityCredentialsDict", "InstanceIdentityDocumentDict"])
def test_documents_have_the_types_of_ec2_metadata(kind: str) -> None:
    old, new = (
        {name: reference.__forward_arg__ for name, reference in getattr(each, kind).__annotations__.items()}
        for each in (original, ec2facts)
    )

    assert old == new


def test_every_name_of_the_original_exists() -> None:
    theirs = {name for name, value in vars(original).items() if getattr(value, "__module__", "") == original.__name__}

    assert theirs - {"BaseLazyObject"} | {"TOKEN_TTL_SECONDS"} <= set(ec2facts.__all__)
    assert TOKEN_TTL_SECONDS == original.TOKEN_TTL_SECONDS


def test_every_public_name_can_be_imported() -> None:
    assert [name for name in ec2facts.__all__ if not hasattr(ec2facts, name)] == []


def test_module_level_instance_reads_a_mocked_value(mocked: Mocker) -> None:
    mocked.get("http://169.254.169.254/latest/meta-data/ami-id", text="ami-0abcdef1234567890")

    values = ec2_metadata.ami_id, ec2_metadata.ami_id

    assert values == ("ami-0abcdef1234567890", "ami-0abcdef1234567890")
    assert [(each.method, each.url) for each in mocked.request_history] == [
        ("PUT", "http://169.254.169.254/latest/api/token"),
        ("GET", "http://169.254.169.254/latest/meta-data/ami-id"),
    ]
    put, get = (each.headers for each in mocked.request_history)
    assert put["X-aws-ec2-metadata-token-ttl-seconds"] == "21600"
    assert get["X-aws-ec2-metadata-token"] == "example-token"


def test_another_instance_reads_a_mocked_value(mocked: Mocker) -> None:
    mocked.get("http://169.254.169.254/latest/dynamic/instance-identity/document", json={"region": "eu-central-1"})

    assert EC2Metadata().region == "eu-central-1"


@pytest.mark.parametrize("name", ATTRIBUTES)
def test_url_is_the_address_of_the_service_and_the_path(mocked: Mocker, name: str) -> None:
    asked: list[str] = []

    class Recording(Faulty):
        def get(self, path: str, /) -> bytes | None:
            asked.append(path)
            return super().get(path)

    getattr(EC2Metadata(source=Recording(instances.load("busy"))), name)
    mocked.get(ANY, content=lambda request, _: instances.load("busy").get(request.url[len(SERVICE) :]) or b"x")

    getattr(ec2_metadata, name)

    assert [each.url for each in mocked.request_history] == [SERVICE + path for path in ["api/token", *asked]]


@pytest.mark.parametrize("name", [*ATTRIBUTES, "iam_security_credentials"])
def test_absent_attribute_has_its_documented_value(mocked: Mocker, name: str) -> None:
    mocked.get(ANY, status_code=404, text="404 - Not Found")

    value = outcome(partial(getattr, ec2_metadata, name))

    if name in ABSENT:
        assert value == ABSENT[name]
    else:
        assert isinstance(value, requests.HTTPError)
        assert status_of(value) == 404


@pytest.mark.parametrize("name", INTERFACE_ATTRIBUTES)
def test_absent_attribute_of_an_interface_has_its_documented_value(mocked: Mocker, name: str) -> None:
    mocked.get(ANY, status_code=404)

    value = outcome(lambda: getattr(NetworkInterface("0e:00:5e:00:53:01"), name))

    if name in ABSENT_OF_INTERFACES:
        assert value == ABSENT_OF_INTERFACES[name]
    else:
        assert isinstance(value, requests.HTTPError)


def test_absent_public_key_is_none(mocked: Mocker) -> None:
    mocked.get("http://169.254.169.254/latest/meta-data/public-keys/0/openssh-key", status_code=404)

    assert PublicKey(0).openssh_key is None


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 405, 418, 429, 500, 502, 503, 504])
def test_error_status_is_an_http_error_with_its_response(mocked: Mocker, status: int) -> None:
    mocked.get("http://169.254.169.254/latest/meta-data/instance-id", status_code=status, headers={"Retry-After": "0"})

    with pytest.raises(requests.exceptions.HTTPError) as caught:
        _ = ec2_metadata.instance_id

    assert isinstance(caught.value, EC2FactsError)
    assert caught.value.response.status_code == status
    assert caught.value.request.url == "http://169.254.169.254/latest/meta-data/instance-id"


@pytest.mark.parametrize("status", [400, 403, 404, 405, 500, 503])
def test_error_status_for_the_token_is_an_http_error_with_its_response(mocked: Mocker, status: int) -> None:
    mocked.put("http://169.254.169.254/latest/api/token", status_code=status, headers={"Retry-After": "0"})

    with pytest.raises(requests.exceptions.HTTPError) as caught:
        _ = ec2_metadata.instance_id

    assert isinstance(caught.value, EC2FactsError)
    assert caught.value.response.status_code == status


@pytest.mark.parametrize("method", ["PUT", "GET"])
@pytest.mark.parametrize(
    "trouble",
    [
        requests.exceptions.ConnectionError,
        requests.exceptions.Timeout,
        requests.exceptions.ConnectTimeout,
        requests.exceptions.ReadTimeout,
    ],
)
def test_connection_failure_is_the_matching_exception_of_requests(
    mocked: Mocker, method: str, trouble: type[Exception]
) -> None:
    mocked.request(method, ANY, exc=trouble)

    with pytest.raises(trouble) as caught:
        _ = ec2_metadata.instance_id

    assert isinstance(caught.value, EC2FactsError)


@pytest.mark.parametrize(
    ("path", "body", "name"),
    [
        ("meta-data/ami-launch-index", b"first", "ami_launch_index"),
        ("meta-data/instance-type", b"\xff", "instance_type"),
        ("meta-data/security-groups", b"caf\xe9", "security_groups"),
        ("meta-data/public-keys/", b"first=my-key", "public_keys"),
        ("meta-data/iam/info", b"{", "iam_info"),
        ("meta-data/iam/info", b'{"InstanceProfileArn": 1}', "instance_profile_arn"),
        ("meta-data/spot/instance-action", b'{"action": "stop"}', "spot_instance_action"),
        ("dynamic/instance-identity/document", b"[]", "region"),
        ("dynamic/instance-identity/document", b'{"accountId": 1}', "account_id"),
    ],
)
def test_malformed_body_is_a_value_error(mocked: Mocker, path: str, body: bytes, name: str) -> None:
    mocked.get(SERVICE + path, content=body)

    with pytest.raises(ValueError, match=re.escape(path)) as caught:
        getattr(ec2_metadata, name)

    assert isinstance(caught.value, EC2FactsError)


@pytest.mark.parametrize("text", [" ", "value\n", "\r\n", "größer", "\ufeff\u2028\x85"])
def test_text_is_decoded_as_utf_8_and_not_stripped(mocked: Mocker, text: str) -> None:
    mocked.get("http://169.254.169.254/latest/meta-data/instance-type", content=text.encode())

    assert ec2_metadata.instance_type == text


@pytest.mark.parametrize(
    ("body", "groups"),
    [
        (b"", []),
        (b"\n", []),
        (b"default", ["default"]),
        (b"default\n", ["default"]),
        (b"web\nssh from the office", ["web", "ssh from the office"]),
        ("a\rb\x0bc\x0cd\x1ce\x85f\u2028g\r\nh".encode(), ["a\rb\x0bc\x0cd\x1ce\x85f\u2028g\r", "h"]),
    ],
)
def test_list_is_split_only_at_line_feeds(mocked: Mocker, body: bytes, groups: list[str]) -> None:
    mocked.get("http://169.254.169.254/latest/meta-data/security-groups", content=body)

    assert ec2_metadata.security_groups == groups


def test_user_data_is_unchanged_bytes(mocked: Mocker) -> None:
    mocked.get("http://169.254.169.254/latest/user-data/", content=b"\x1f\x8b\x00\xff\n")

    assert ec2_metadata.user_data == b"\x1f\x8b\x00\xff\n"


@pytest.mark.parametrize("action", ["hibernate", "stop", "terminate"])
def test_spot_instance_action_has_the_action_and_the_time(mocked: Mocker, action: str) -> None:
    mocked.get(
        "http://169.254.169.254/latest/meta-data/spot/instance-action",
        json={"action": action, "time": "2026-01-15T10:02:00Z"},
    )

    notice = ec2_metadata.spot_instance_action

    assert notice is not None
    assert isinstance(notice, SpotInstanceAction)
    assert (notice.action, notice.time) == (action, datetime(2026, 1, 15, 10, 2, tzinfo=timezone.utc))
    assert notice.time.utcoffset() is not None


def test_tags_are_read_one_by_one(mocked: Mocker) -> None:
    listing = mocked.get("http://169.254.169.254/latest/meta-data/tags/instance/", text="Name\naws:x")
    name = mocked.get("http://169.254.169.254/latest/meta-data/tags/instance/Name", text="web 1")

    tags = ec2_metadata.tags
    known = isinstance(tags, InstanceTags), isinstance(tags, Mapping), list(tags), len(tags), "aws:x" in tags
    asked_before = name.call_count
    values = tags["Name"], tags.get("Name"), tags.get("Nobody")

    assert known == (True, True, ["Name", "aws:x"], 2, True)
    assert values == ("web 1", "web 1", None)
    assert (asked_before, name.call_count, listing.call_count) == (0, 1, 1)
    with pytest.raises(KeyError, match="Nobody"):
        tags["Nobody"]


def test_tags_of_an_instance_without_tags_are_empty(mocked: Mocker) -> None:
    mocked.get("http://169.254.169.254/latest/meta-data/tags/instance/", text="")

    assert dict(ec2_metadata.tags) == {}


def test_cleared_instance_reads_everything_again_with_a_new_token(mocked: Mocker) -> None:
    mocked.put("http://169.254.169.254/latest/api/token", [{"text": "first-token"}, {"text": "second-token"}])
    mocked.get("http://169.254.169.254/latest/meta-data/mac", [{"text": "before"}, {"text": "after"}])

    values = [ec2_metadata.mac]
    ec2_metadata.clear_all()
    values.append(ec2_metadata.mac)

    assert values == ["before", "after"]
    tokens = [each.headers.get("X-aws-ec2-metadata-token") for each in mocked.request_history]
    assert tokens == [None, "first-token", None, "second-token"]


def test_cleared_interface_keeps_the_values_and_the_token_of_the_instance(mocked: Mocker) -> None:
    mocked.get("http://169.254.169.254/latest/meta-data/mac", text="0e:00:5e:00:53:01")
    mocked.get(f"{SERVICE}meta-data/network/interfaces/macs/0e:00:5e:00:53:01/vpc-id", text="vpc-1234567890abcdef0")
    interface = NetworkInterface(ec2_metadata.mac)

    for _ in range(2):
        _ = interface.vpc_id, ec2_metadata.mac
        interface.clear_all()

    assert [each.path.rpartition("/")[2] for each in mocked.request_history] == ["token", "mac", "vpc-id", "vpc-id"]


def test_assigned_value_is_read_without_a_request(mocked: Mocker) -> None:
    ec2_metadata.instance_id = "i-1234567890abcdef0"

    assert ec2_metadata.instance_id == "i-1234567890abcdef0"
    assert mocked.request_history == []


@pytest.mark.parametrize("part", [NetworkInterface("0e:00:5e:00:53:01"), PublicKey(0)])
def test_part_belongs_to_the_module_level_instance(part: NetworkInterface | PublicKey) -> None:
    assert part.parent is ec2_metadata


@pytest.mark.parametrize("make", [lambda: NetworkInterface("0e:00:5e:00:53:01"), lambda: PublicKey(0)])
def test_part_belongs_to_a_replacement_of_the_module_level_instance(
    make: Callable[[], NetworkInterface | PublicKey], monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in = EC2Metadata(source=Snapshot({}))
    monkeypatch.setattr(ec2facts, "ec2_metadata", stand_in)

    assert make().parent is stand_in


def test_given_session_sends_every_request(mocked: Mocker) -> None:
    sent: list[str | None] = []

    class Recording(requests.Session):
        def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
            sent.append(request.method)
            return super().send(request, **options)

    mocked.get("http://169.254.169.254/latest/meta-data/mac", text="0e:00:5e:00:53:01")
    with Recording() as session:
        metadata = EC2Metadata(session)
        _ = metadata.mac
        metadata.clear_all()
        _ = metadata.mac

    assert sent == ["PUT", "GET", "PUT", "GET"]


def test_given_session_is_not_altered(mocked: Mocker) -> None:
    mocked.get("http://169.254.169.254/latest/meta-data/mac", text="0e:00:5e:00:53:01")
    with requests.Session() as session:
        session.headers["X-Example"] = "mine"
        before = {name: repr(getattr(session, name)) for name in session.__attrs__}

        _ = EC2Metadata(session=session).mac

        assert {name: repr(getattr(session, name)) for name in session.__attrs__} == before
    assert mocked.request_history[-1].headers["X-Example"] == "mine"


def test_credentials_are_requested_under_the_name_of_the_role(busy: Served) -> None:
    with pytest.raises(requests.HTTPError, match="busy-profile"):
        _ = busy.original().iam_security_credentials
    metadata = busy.ours()

    first = busy.requests_of(lambda: metadata.iam_security_credentials)
    again = busy.requests_of(lambda: metadata.iam_security_credentials)

    gets = [Request("GET", CREDENTIALS, 200), Request("GET", f"{CREDENTIALS}busy-role", 200)]
    assert first == [PUT, Request("GET", "meta-data/iam/info", 200), *gets]
    assert again == gets


def test_credentials_equal_ec2_metadata_if_role_and_profile_have_one_name(served: dict[str, Served]) -> None:
    bodies = {**instances.load("busy").bodies, CREDENTIALS: b"busy-profile"}
    bodies[f"{CREDENTIALS}busy-profile"] = bodies.pop(f"{CREDENTIALS}busy-role")
    renamed = Served(Snapshot(bodies))

    with renamed.simulator:
        old = renamed.original().iam_security_credentials
        new = renamed.ours().iam_security_credentials

    assert old == new


def test_credentials_without_a_role_are_none_and_send_no_request(served: dict[str, Served]) -> None:
    metadata = served["xen"].ours()

    first = served["xen"].requests_of(lambda: metadata.iam_security_credentials)
    again = served["xen"].requests_of(lambda: metadata.iam_security_credentials)

    assert metadata.iam_security_credentials is None
    assert (first, again) == ([PUT, Request("GET", "meta-data/iam/info", 404)], [])


@pytest.mark.parametrize("status", [403, 404])
@pytest.mark.parametrize("path", ["meta-data/iam/security-credentials", f"{CREDENTIALS}busy-role"])
def test_credentials_that_cannot_be_read_are_an_http_error(busy: Served, path: str, status: int) -> None:
    busy.source.faults = {path: status}

    with pytest.raises(requests.HTTPError) as caught:
        _ = busy.ours().iam_security_credentials

    assert caught.value.response.status_code == status


def test_expired_token_is_renewed_once(busy: Served) -> None:
    old, new = busy.original(), busy.ours()
    _ = old.mac, new.mac
    busy.now += TOKEN_TTL_SECONDS

    with pytest.raises(requests.HTTPError, match="401"):
        _ = old.instance_id
    asked = busy.requests_of(lambda: new.instance_id)

    assert [each.status for each in asked] == [401, 200, 200]
    assert asked[1] == PUT


def test_refused_token_is_an_http_error(mocked: Mocker) -> None:
    mocked.get("http://169.254.169.254/latest/meta-data/mac", status_code=401)

    with pytest.raises(requests.HTTPError):
        _ = ec2_metadata.mac

    assert [each.method for each in mocked.request_history] == ["PUT", "GET", "PUT", "GET"]


@pytest.mark.parametrize("variable", ["http_proxy", "HTTP_PROXY", "all_proxy"])
def test_proxy_variables_are_ignored(busy: Served, monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, "http://127.0.0.1:1")

    with pytest.raises(requests.exceptions.ProxyError):
        _ = busy.original().mac
    assert busy.ours().mac == "0e:00:5e:00:53:2b"


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_environment_variable_sets_the_endpoint(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with Simulator(instances.load("plain"), host=host) as url:
        monkeypatch.setenv(ENDPOINT, url)

        assert EC2Metadata().instance_id == "i-1234567890abcdef0"


def test_missing_service_is_an_error_within_two_seconds() -> None:
    waits: list[float] = []

    class BlackHole(HTTPAdapter):
        def send(self, request: requests.PreparedRequest, *_: Any, **options: Any) -> requests.Response:
            timeout = options["timeout"]
            waits.append(timeout[0] if isinstance(timeout, tuple) else timeout)
            raise requests.exceptions.ConnectTimeout(request=request)

    with requests.Session() as session:
        session.mount("http://", BlackHole())
        with pytest.raises(requests.exceptions.Timeout):
            _ = EC2Metadata(session).instance_id

    assert sum(waits) <= 2


@pytest.mark.parametrize("name", ["Team", "City", "Mood"])
def test_text_beyond_ascii_is_unchanged(busy: Served, name: str) -> None:
    old, new = busy.original().tags[name], busy.ours().tags[name]

    assert new == instances.load("busy").read(f"meta-data/tags/instance/{name}").decode()
    assert old != new


WATCHED_IMPORT = """
import os, sys

class Watched(type(os.environ)):
    def __getitem__(self, name):
        looks.append(name)
        return super().__getitem__(name)

def watch(event, arguments):
    if event.startswith(("socket.", "subprocess.", "os.system", "os.exec", "os.fork", "http.", "urllib.")):
        events.append(event)
    if event == "open" and not str(arguments[0]).endswith((".py", ".pyc", ".so")) and ".pyc." not in str(arguments[0]):
        events.append(f"open {arguments[0]}")

looks, events = [], []
os.environ.__class__ = Watched
sys.addaudithook(watch)
import ec2facts
print(looks, events, sorted({"requests", "urllib3", "jinja2", "yaml", "http.client", "ssl"} & set(sys.modules)))
"""


def test_import_opens_nothing_reads_no_environment_and_loads_no_heavy_library() -> None:
    command = [sys.executable, "-W", "error", "-c", WATCHED_IMPORT]

    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)

    assert done.stdout == "[] [] []\n"
