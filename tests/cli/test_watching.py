"""``ec2facts apply --watch`` as a subprocess, with the signals and the socket of a service manager."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.request import urlopen

import pytest

from ec2facts import instances
from ec2facts.imds.simulator.simulator import Simulator
from tests.cli.running import PROGRAM, Capture, call

TAG = "meta-data/tags/instance/Name"

NGINX = """
pid {directory}/nginx.pid;
error_log {directory}/error.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    server {{
        listen 127.0.0.1:{port};
        include {directory}/tag.conf;
        return 200 "ok";
    }}
}}
"""


def free_port() -> int:
    """Return a port of loopback on which nothing listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


class Manager:
    """A service manager: it starts one unit of Type=notify and receives its messages."""

    def __init__(self, directory: Path, url: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(directory / "notify"))
        self._socket.settimeout(30)
        self.process = subprocess.Popen(
            [PROGRAM, "apply", str(directory / "config.yaml"), "--watch", "0.2", "--endpoint", url],
            env={**os.environ, "NOTIFY_SOCKET": str(directory / "notify"), "STATE_DIRECTORY": str(directory / "state")},
            stderr=subprocess.PIPE,
        )

    def wait_for(self, text: str) -> None:
        """Wait for a message that starts with ``text``."""
        while not self._socket.recv(4096).decode().startswith(text):
            pass

    def close(self) -> None:
        """End the unit."""
        self.process.kill()
        self.process.communicate()
        self._socket.close()


class Bodies:
    """A source with changeable bodies."""

    def __init__(self) -> None:
        self.bodies = dict(instances.load("plain").bodies)

    def get(self, path: str) -> bytes | None:
        return self.bodies.get(path)


@contextmanager
def watched(directory: Path) -> Iterator[tuple[Manager, Bodies]]:
    (directory / "config.yaml").write_text("outputs: [{path: env, format: sh, only: tags.Name}]")
    bodies = Bodies()
    with Simulator(bodies) as url:
        manager = Manager(directory, url)
        try:
            yield manager, bodies
        finally:
            manager.close()


def test_change_reaches_the_file_and_sigterm_ends_the_watch_cleanly(tmp_path: Path) -> None:
    with watched(tmp_path) as (manager, bodies):
        manager.wait_for("READY=1")
        assert (tmp_path / "env").read_text() == "EC2_TAGS_NAME='web-1'\n"

        bodies.bodies[TAG] = b"web-2"
        manager.wait_for("READY=1")
        assert (tmp_path / "env").read_text() == "EC2_TAGS_NAME='web-2'\n"

        manager.process.terminate()
        manager.wait_for("STOPPING=1")
        _, errors = manager.process.communicate(timeout=30)

    assert manager.process.returncode == 0
    assert errors.decode() == 2 * f"ec2facts: changed {tmp_path}/env\n"


def test_sighup_reloads_and_applies_the_configs(tmp_path: Path) -> None:
    with watched(tmp_path) as (manager, _):
        manager.wait_for("READY=1")
        (tmp_path / "config.yaml").write_text("outputs: [{path: more, format: sh, only: region}]")

        manager.process.send_signal(signal.SIGHUP)
        manager.wait_for("READY=1")

        assert (tmp_path / "more").read_text() == "EC2_REGION='us-east-1'\n"


def test_sigint_is_status_130(tmp_path: Path) -> None:
    with watched(tmp_path) as (manager, _):
        manager.wait_for("READY=1")

        manager.process.send_signal(signal.SIGINT)
        _, errors = manager.process.communicate(timeout=30)

    assert manager.process.returncode == 130
    assert errors.decode().endswith("ec2facts: error: interrupted\n")


def test_changed_tag_of_a_served_snapshot_reaches_a_running_nginx(tmp_path: Path, program: Callable[..., str]) -> None:
    nginx, port = program("nginx", package="nginx-light"), free_port()
    main = tmp_path / "nginx.conf"
    main.write_text(NGINX.format(directory=tmp_path, port=port))
    (tmp_path / "tag.conf").write_text("")
    (tmp_path / "tag.conf.j2").write_text("add_header X-Name {{ tags.Name | nginx_quote }};\n")
    (tmp_path / "config.yaml").write_text(
        "outputs: [{path: tag.conf, template: ./tag.conf.j2, "
        f"check_live: {nginx} -t -q -c {main}, command: {nginx} -s reload -c {main}}}]"
    )
    snapshot = tmp_path / "snapshot.json"
    instances.load("plain").save(snapshot)
    serve = [PROGRAM, "serve", str(snapshot), "--reload", "--port", "0"]
    run_nginx = [nginx, "-c", str(main), "-g", "daemon off;"]
    with (
        subprocess.Popen(run_nginx, stderr=subprocess.DEVNULL) as server,
        subprocess.Popen(serve, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as service,
    ):
        assert service.stdout is not None
        manager = Manager(tmp_path, service.stdout.readline().decode().strip())
        try:
            manager.wait_for("READY=1")
            wait_for_name(port, "web-1")

            snapshot.write_bytes(snapshot.read_bytes().replace(b"web-1", b"web-2"))

            wait_for_name(port, "web-2")
        finally:
            manager.close()
            server.terminate()
            service.terminate()


def wait_for_name(port: int, name: str) -> None:
    """Poll nginx until its header is ``name``, which takes an interval, a check and a reload."""
    for _ in range(200):
        with suppress(OSError), urlopen(f"http://127.0.0.1:{port}/", timeout=5) as response:
            if response.headers["X-Name"] == name:
                return
        time.sleep(0.1)
    raise AssertionError(f"the header of nginx never becomes {name}")


@pytest.mark.parametrize(
    "options", ["--dry-run", "--exit-code", "--allow-stale", "--deadline 5", "--from /dev/null"], ids=str
)
def test_option_that_excludes_watch_is_named(options: str, tmp_path: Path, capfdbinary: Capture) -> None:
    (tmp_path / "config.yaml").write_text("outputs: [{path: env, format: sh}]")

    outcome = call(capfdbinary, "apply", tmp_path / "config.yaml", "--watch", *options.split())

    assert outcome.status == 2
    assert outcome.errors == f"ec2facts: error: {options.split()[0]} cannot be combined with --watch\n"


def test_error_for_a_config_after_watch_names_the_remedy(capfdbinary: Capture) -> None:
    outcome = call(capfdbinary, "apply", "--watch", "config.yaml")

    assert outcome.status == 2
    assert (
        "'config.yaml' is not a number of seconds from 0.001 to 86400; put other arguments before --watch"
        in outcome.errors
    )
