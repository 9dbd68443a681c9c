from __future__ import annotations

import errno
import os
import socket
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest

from ec2facts import instances
from ec2facts.imds.client import IMDSClient
from ec2facts.imds.snapshot import Snapshot
from tests.imds.simulator.test_simulator import TTL

HOSTS = ["169.254.169.254", "[fd00:ec2::254]"]

pytest_plugins = ["pytester"]


@pytest.mark.parametrize("name", instances.names())
def test_fixture_serves_every_simulated_instance_by_name(ec2_metadata_simulator: Callable[..., str], name: str) -> None:
    url = ec2_metadata_simulator(name)

    assert IMDSClient(url).get("meta-data/") == instances.load(name).get("meta-data/")


@pytest.mark.parametrize(
    "source",
    [
        {"meta-data/mac": b"m"},
        {"mac": "m"},
        {"mac": "m", "meta_data": {"instance-id": "i-1"}},
        Snapshot({"meta-data/mac": b"m", "meta-data/instance-id": b"i-1"}),
    ],
    ids=["bodies", "facts", "facts with a tree", "snapshot"],
)
def test_fixture_serves_any_source(ec2_metadata_simulator: Callable[..., str], source: Any) -> None:
    url = ec2_metadata_simulator(source)

    assert IMDSClient(url).get("meta-data/mac") == b"m"


@pytest.mark.parametrize("source", [{"meta-data/mac": b"m"}, {"mac": "m"}], ids=["bodies", "facts"])
def test_dict_without_an_instance_id_gets_one(ec2_metadata_simulator: Callable[..., str], source: Any) -> None:
    url = ec2_metadata_simulator(source)

    assert IMDSClient(url).get("meta-data/instance-id") == b"i-1234567890abcdef0"


@pytest.mark.parametrize("source", [{"meta-data/instance-id": b"i-2"}, {"instance_id": "i-2"}], ids=["bodies", "facts"])
def test_instance_id_of_a_dict_is_kept(ec2_metadata_simulator: Callable[..., str], source: Any) -> None:
    url = ec2_metadata_simulator(source)

    assert IMDSClient(url).get("meta-data/instance-id") == b"i-2"


def read_type(host: str) -> bytes:
    """Read the instance type like a client with a hard-coded address."""
    request = urllib.request.Request(f"http://{host}/latest/api/token", method="PUT", headers={TTL: "60"})
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with direct.open(request) as answer:
        headers = {"X-aws-ec2-metadata-token": answer.read().decode()}
    with direct.open(
        urllib.request.Request(f"http://{host}/latest/meta-data/instance-type", headers=headers)
    ) as answer:
        return bytes(answer.read())


@pytest.mark.parametrize("host", HOSTS)
def test_redirected_connection_reaches_the_simulator(ec2_metadata_simulator: Callable[..., str], host: str) -> None:
    ec2_metadata_simulator("busy", redirect=True)

    assert read_type(host) == b"p4d.24xlarge"


@pytest.mark.usefixtures("ec2_metadata_simulator")
def test_connection_is_refused_without_a_simulator() -> None:
    with pytest.raises(ConnectionRefusedError, match="tests cannot reach the metadata service"):
        socket.create_connection(("169.254.169.254", 80))


@pytest.mark.parametrize("host", HOSTS)
def test_connection_is_refused_without_redirection(ec2_metadata_simulator: Callable[..., str], host: str) -> None:
    ec2_metadata_simulator("busy")
    family = socket.AF_INET6 if "[" in host else socket.AF_INET

    with socket.socket(family) as connection:
        refused = connection.connect_ex((host.strip("[]"), 80))

    assert refused == errno.ECONNREFUSED


def test_redirection_leads_to_the_last_started_simulator(ec2_metadata_simulator: Callable[..., str]) -> None:
    ec2_metadata_simulator("busy", redirect=True)
    ec2_metadata_simulator("plain", redirect=True)

    assert read_type("169.254.169.254") == b"t3.micro"


def test_fixture_sets_the_endpoint_of_clients(
    ec2_metadata_simulator: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")

    url = ec2_metadata_simulator()

    assert os.environ["AWS_EC2_METADATA_SERVICE_ENDPOINT"] == url
    assert "AWS_EC2_METADATA_DISABLED" not in os.environ


def test_fixture_leaves_nothing_behind(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import os
        import socket
        import threading
        from urllib.parse import urlsplit

        import pytest

        urls = []

        connect = socket.socket.connect, socket.socket.connect_ex

        def test_first(ec2_metadata_simulator):
            urls.append(ec2_metadata_simulator("plain"))
            urls.append(ec2_metadata_simulator("busy", redirect=True))

        def test_second():
            assert os.environ["AWS_EC2_METADATA_SERVICE_ENDPOINT"] == "http://127.0.0.1:1"
            assert threading.active_count() == 1
            assert (socket.socket.connect, socket.socket.connect_ex) == connect
            for url in urls:
                with pytest.raises(ConnectionRefusedError):
                    socket.create_connection(("127.0.0.1", urlsplit(url).port))
        """
    )

    pytester.runpytest_subprocess("-W", "error").assert_outcomes(passed=2)


def test_session_fixture_serves_many_tests(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import os

        import pytest

        from ec2facts import EC2Metadata

        @pytest.fixture(scope="session", autouse=True)
        def service(session_ec2_metadata_simulator):
            return session_ec2_metadata_simulator("busy", redirect=True)

        def test_first(service):
            assert EC2Metadata().instance_type == "p4d.24xlarge"

        def test_second(ec2_metadata_simulator):
            ec2_metadata_simulator("plain")
            assert EC2Metadata().instance_type == "t3.micro"

        def test_third(service):
            assert os.environ["AWS_EC2_METADATA_SERVICE_ENDPOINT"] == service
            assert EC2Metadata().instance_type == "p4d.24xlarge"
        """
    )

    pytester.runpytest_subprocess("-W", "error").assert_outcomes(passed=3)


def test_plugin_imports_nothing_in_other_test_runs(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makepyfile(
        """
        import sys

        def test_it():
            assert "ec2facts.pytest_plugin" in sys.modules
            ours = {name for name in sys.modules if name.partition(".")[0] == "ec2facts"}
            assert ours == {"ec2facts", "ec2facts.lazy", "ec2facts.version", "ec2facts.pytest_plugin"}
            assert {"requests", "jinja2", "yaml", "http.server"} & set(sys.modules) == set()
        """
    )

    pytester.runpytest_subprocess("-p", "ec2facts.pytest_plugin").assert_outcomes(passed=1)
