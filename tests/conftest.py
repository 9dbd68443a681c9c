"""Fixtures of every test; the first refuses every network but loopback."""

from __future__ import annotations

import ipaddress
import os
import shutil
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest

NOBODY = "http://127.0.0.1:1"
"""An endpoint at which nothing listens."""


@pytest.fixture(autouse=True, scope="session")
def loopback_only() -> Iterator[None]:
    """Refuse every connection that is not loopback: a real metadata service may be reachable."""
    patch = pytest.MonkeyPatch()
    for name in ("connect", "connect_ex", "sendto"):
        patch.setattr(socket.socket, name, _guarded(getattr(socket.socket, name)))
    yield
    patch.undo()


def _guarded(call: Any) -> Any:
    def guarded(self: socket.socket, *arguments: Any) -> Any:
        address = arguments[-1]
        if self.family in {socket.AF_INET, socket.AF_INET6} and not _is_loopback(address[0]):
            raise AssertionError(f"a test tried to reach {address[0]}")
        return call(self, *arguments)

    return guarded


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    address = ipaddress.ip_address(host)
    return (
        getattr(address, "ipv4_mapped", None) or address
    ).is_loopback  # in Python 3.9 a mapped address is not loopback


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Unset the variables that clients of the service read, and set an endpoint at which nothing listens.

    Programs that a test starts inherit the endpoint, because ``loopback_only`` does not guard them. The state between
    runs stays below the temporary directory of the tests.
    """
    for name in os.environ:
        if name.startswith(("AWS_", "EC2_")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", NOBODY)
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path_factory.getbasetemp() / "state"))


@pytest.fixture(scope="session")
def program() -> Callable[..., str]:
    """Return a function that finds a program; if it is missing, skip with its apt-get line, or fail in CI."""

    def find(name: str, *, package: str | None = None) -> str:
        path = shutil.which(name)
        if path is not None:
            return path
        missing = f"{name} is missing: apt-get install {package or name}"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)

    return find
