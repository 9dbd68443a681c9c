from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from ec2facts.apply.systemd import notifier


@pytest.mark.parametrize("kind", ["file", "abstract"])
def test_message_reaches_the_socket_of_the_service_manager(tmp_path: Path, kind: str) -> None:
    name = f"@ec2facts-test-{os.getpid()}" if kind == "abstract" else str(tmp_path / "notify")

    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(name.replace("@", "\0"))
        notifier({"NOTIFY_SOCKET": name})("READY=1")

        assert manager.recv(100) == b"READY=1"


@pytest.mark.parametrize("environ", [{}, {"NOTIFY_SOCKET": ""}, {"NOTIFY_SOCKET": "/nonexistent/notify"}])
def test_message_without_a_service_manager_is_dropped(environ: dict[str, str]) -> None:
    notifier(environ)("READY=1")
