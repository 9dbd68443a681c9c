from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest

from ec2facts import instances
from ec2facts.imds.client import IMDSClient
from ec2facts.imds.snapshot import Snapshot

pytest_plugins = ["pytester"]


@pytest.mark.parametrize("name", instances.names())
def test_fixture_serves_every_simulated_instance_by_name(ec2_metadata_simulator: Callable[..., str], name: str) -> None:
    url = ec2_metadata_simulator(name)

    assert IMDSClient(url).get("meta-data/") == instances.load(name).get("meta-data/")


@pytest.mark.parametrize(
    "source", [{"meta-data/mac": b"m"}, Snapshot({"meta-data/mac": b"m"})], ids=["dict", "snapshot"]
)
def test_fixture_serves_any_source(ec2_metadata_simulator: Callable[..., str], source: Any) -> None:
    url = ec2_metadata_simulator(source)

    assert IMDSClient(url).get("meta-data/mac") == b"m"


def test_fixture_leads_clients_to_the_simulator(
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

        def test_first(ec2_metadata_simulator):
            urls.append(ec2_metadata_simulator("plain"))
            urls.append(ec2_metadata_simulator("busy"))

        def test_second():
            assert os.environ["AWS_EC2_METADATA_SERVICE_ENDPOINT"] == "http://127.0.0.1:1"
            assert threading.active_count() == 1
            for url in urls:
                with pytest.raises(ConnectionRefusedError):
                    socket.create_connection(("127.0.0.1", urlsplit(url).port))
        """
    )

    pytester.runpytest_subprocess("-W", "error").assert_outcomes(passed=2)


def test_mapping_without_an_id_is_ready(ec2_metadata_simulator: Callable[..., str]) -> None:
    client = IMDSClient(ec2_metadata_simulator({"meta-data/mac": b"0e:00:5e:00:53:01"}))

    assert client.get("meta-data/kernel-id") is None
    assert client.get("meta-data/instance-id") == b"i-1234567890abcdef0"


def test_plugin_costs_other_test_runs_nothing(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makepyfile(
        """
        import sys

        def test_it():
            assert "ec2facts.pytest_plugin" in sys.modules
            heavy = {"requests", "jinja2", "yaml", "http.server", "ec2facts.instances", "ec2facts.imds.simulator"}
            assert heavy & set(sys.modules) == set()
        """
    )

    pytester.runpytest_subprocess("-p", "ec2facts.pytest_plugin").assert_outcomes(passed=1)
