"""The programs that read an env file, each as a function from the file to the variables it sets.

The variables come from where they take effect: the environment of a process that the shell starts, the result of the
function with which systemd reads env files, the request of docker's client to its engine.
"""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import UnixStreamServer
from typing import Any

import dotenv

Program = Callable[..., str]
Variables = Mapping[str, str]
Reader = Callable[[Program, Path], Variables]


def _shell(*command: str, package: str | None = None, script: str = 'set -a; . "$1"; set +a; exec env -0') -> Reader:
    def read(program: Program, file: Path) -> Variables:
        path = program(command[0], package=package)
        return _environment([path, *command[1:], "-c", script, "sh", str(file)], file.parent)

    return read


def _fish(program: Program, file: Path) -> Variables:
    script = "source $argv[1]; exec env -0"
    return _environment([program("fish"), "--no-config", "-c", script, str(file)], file.parent)


def _environment(command: list[str], directory: Path) -> Variables:
    """Return the EC2 variables that ``command`` prints like ``env -0``, in the locale of services."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(directory), "LC_ALL": "C"}
    done = subprocess.run(command, cwd=directory, env=environment, capture_output=True, check=True)
    assert done.stderr == b""
    return _ours(done.stdout.decode().split("\0"))


def _ours(assignments: list[str]) -> Variables:
    variables = (assignment.partition("=") for assignment in assignments)
    return {name: value for name, _, value in variables if name.startswith("EC2_")}


def _systemd(program: Program, file: Path) -> Variables:
    """Call ``load_env_file``, systemd's own function for EnvironmentFile=."""
    program("systemctl", package="systemd")
    found = [path for below in ("lib*", "lib/*") for path in Path("/usr").glob(f"{below}/systemd/libsystemd-shared-*")]
    assignments = ctypes.POINTER(ctypes.c_char_p)()
    error = ctypes.CDLL(str(found[0])).load_env_file(None, os.fsencode(file), ctypes.byref(assignments))
    if error:
        raise OSError(-error, os.strerror(-error))
    read: list[str] = []
    while assignments:
        assignment = assignments[len(read)]
        if assignment is None:
            break
        read.append(assignment.decode())
    return _ours(read)


def _dotenv(program: Program, file: Path) -> Variables:
    return {name: value or "" for name, value in dotenv.dotenv_values(file).items()}


def _docker_grammar(program: Program, file: Path) -> Variables:
    """Parse like pkg/kvfile of docker/cli, for machines without docker; the next reader runs docker itself."""
    variables = {}
    for line in file.read_bytes().split(b"\n"):
        if len(line) > 65535:
            raise ValueError("token too long")
        text = (line[:-1] if line.endswith(b"\r") else line).decode().lstrip()
        if not text or text.startswith("#"):
            continue
        name, assigned, value = text.partition("=")
        if not name or not assigned or " " in name or "\t" in name:
            raise ValueError(f"no assignment in {line!r}")
        variables[name] = value
    return variables


def _docker(program: Program, file: Path) -> Variables:
    """Make docker's client create a container on an engine that records the request."""
    docker = program("docker", package="docker.io")
    socket = file.parent / "docker"
    environment = {"PATH": os.environ["PATH"], "HOME": str(file.parent), "DOCKER_HOST": f"unix://{socket}"}
    with _Engine(str(socket), _EngineRequest) as engine:
        threading.Thread(target=engine.serve_forever, args=[0.01]).start()
        try:
            command = [docker, "create", "--pull=never", "--env-file", str(file), "image"]
            subprocess.run(command, env=environment, capture_output=True, check=True)
        finally:
            engine.shutdown()
    return _ours(engine.asked_for["Env"] or [])


class _Engine(UnixStreamServer):
    asked_for: Mapping[str, Any]


class _EngineRequest(BaseHTTPRequestHandler):
    server: _Engine

    def do_HEAD(self) -> None:
        self._answer(200)

    def do_POST(self) -> None:
        self.server.asked_for = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self._answer(201, b'{"Id": "created"}')

    def _answer(self, status: int, body: bytes = b"") -> None:
        self.send_response(status)
        self.send_header("Api-Version", "1.41")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if body:
            self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        """Suppress the log."""


_SHELLS: Mapping[str, Reader] = {
    "dash": _shell("dash"),
    "bash": _shell("bash"),
    "bash --posix": _shell("bash", "--posix"),
    "busybox sh": _shell("busybox", "sh"),
    "zsh": _shell("zsh", "-f"),
    "zsh -o rcquotes": _shell("zsh", "-f", "-o", "rcquotes"),
    "mksh": _shell("mksh"),
}

READERS: Mapping[str, Mapping[str, Reader]] = {
    "sh": _SHELLS,
    "systemd": {"systemd": _systemd, **_SHELLS},
    "docker": {"docker's grammar": _docker_grammar, "docker": _docker},
    "dotenv": {"python-dotenv": _dotenv},
    "fish": {"fish": _fish},
    "null": {"bash": _shell("bash", script='while IFS= read -rd "" one; do export "$one"; done <"$1"; exec env -0')},
}
"""The readers of each format, by name."""
