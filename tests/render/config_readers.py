"""The programs that read rendered configurations: servers to run and query, and one-shot parsers."""

from __future__ import annotations

import http.client
import os
import re
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

Program = Callable[..., str]


class Response(NamedTuple):
    """The response of a server."""

    status: int
    headers: http.client.HTTPMessage
    body: str


class Server(NamedTuple):
    """A running server and the directory of its files. Call it with a path to GET that path."""

    directory: Path

    def __call__(self, target: str, *, at: str | int = "s") -> tuple[http.client.HTTPMessage, str]:
        """Return the headers and the body of the response to GET ``target``."""
        return self.get(target, at=at)[1:]

    def get(
        self, target: str, *, at: str | int = "s", source: str = "", headers: Mapping[str, str] | None = None
    ) -> Response:
        """GET ``target`` at a socket in the directory, or at a port on loopback from the address ``source``."""
        connection = http.client.HTTPConnection("localhost", timeout=10)
        connection.sock = self._connected(at, source)
        try:
            connection.request("GET", target, headers=headers or {})
            response = connection.getresponse()
            return Response(response.status, response.headers, response.read().decode())
        finally:
            connection.close()

    def _connected(self, at: str | int, source: str) -> socket.socket:
        connections = []

        def connects() -> bool:
            with suppress(ConnectionRefusedError, FileNotFoundError):
                if isinstance(at, int):
                    address = ("127.0.0.1", at)
                    connections.append(socket.create_connection(address, timeout=10, source_address=(source, 0)))
                else:
                    connections.append(_connected(self.directory / at))
            return bool(connections)

        # A server does not open all of its sockets at once.
        wait_until(connects, f"listening at {at}")
        return connections[0]

    def lines(self, name: str, count: int) -> list[str]:
        """Return the lines of a file as soon as there are ``count``: a server can respond before it logs."""
        wait_until(lambda: len(self._lines(name)) >= count, f"{count} lines in {name}")
        return self._lines(name)

    def _lines(self, name: str) -> list[str]:
        file = self.directory / name
        return file.read_text().splitlines() if file.exists() else []


@contextmanager
def running_nginx(program: Program, configuration: Callable[[Path], str]) -> Iterator[Server]:
    """Run nginx with the http block that ``configuration`` returns for a directory.

    The block must listen at the socket ``s`` in that directory, where ``html/`` holds an index page. The test fails
    with nginx's message if nginx refuses the configuration.
    """
    executable = program("nginx", package="nginx-light")
    with _directory() as directory:
        (directory / "html").mkdir()
        (directory / "html/index.html").write_text("a page of nginx")
        kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        paths = "".join(f"{kind}_temp_path {directory};\n" for kind in kinds)
        log = f"access_log {directory}/access.log;\n"
        whole = f"pid {directory}/pid;\nevents {{}}\nhttp {{\n{log}{paths}{configuration(directory)}\n}}\n"
        (directory / "conf").write_bytes(whole.encode())
        command = [executable, "-p", str(directory), "-e", "stderr", "-c", str(directory / "conf")]
        _check([*command, "-t", "-q"], says="")
        with _running([*command, "-g", "daemon off; master_process off;"], directory / "s"):
            yield Server(directory)


@contextmanager
def running_haproxy(program: Program, configuration: Callable[[Path], str]) -> Iterator[Server]:
    """Run haproxy with the configuration that ``configuration`` returns for a directory.

    It must listen at the socket ``s`` in that directory. The test fails with haproxy's message if haproxy refuses or
    warns.
    """
    executable = program("haproxy")
    with _directory() as directory:
        (directory / "cfg").write_bytes(configuration(directory).encode())
        _check([executable, "-q", "-c", "-f", str(directory / "cfg")], says="")
        with _running([executable, "-db", "-q", "-f", str(directory / "cfg")], directory / "s"):
            yield Server(directory)


def command_haproxy(server: Server, command: str) -> str:
    """Send a command to haproxy's socket ``stats`` and return the response."""
    with _connected(server.directory / "stats") as connection:
        connection.sendall(f"{command}\n".encode())
        return b"".join(iter(lambda: connection.recv(65536), b"")).decode()


def free_port() -> int:
    """Return a free TCP port on loopback."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
    return port


def logged_by_rsyslog(
    program: Program, configuration: Callable[[Path], str], message: str, *, has_structured_data: bool = False
) -> str:
    """Return what rsyslog appends to the file ``log`` for one message, with the configuration for a directory.

    The test fails with rsyslog's message if rsyslog refuses the configuration.
    """
    with _directory() as directory:
        log_input = _log_input(directory)
        if has_structured_data:  # the parser of local messages does not read it
            log_input = log_input.replace('input(type="imuxsock"', 'input(type="imuxsock" useSpecialParser="off"')
        (directory / "conf").write_bytes((log_input + configuration(directory)).encode())
        assert "error" not in checked_by_rsyslog(program, directory / "conf")
        with _running_rsyslog(program, directory):
            _send(directory, message)
            wait_until(lambda: (directory / "log").exists() and (directory / "log").stat().st_size > 0, "a log")
        assert not (directory / "log").stat().st_mode & 0o077, "others can read the log"
        return (directory / "log").read_bytes().decode()


def sent_by_rsyslog(program: Program, configuration: str, port: int, messages: Sequence[str]) -> list[str]:
    """Return the lines that a restarted rsyslog sends to a port for messages logged while the port was closed."""
    with _directory() as directory:
        # This action sees a message after the actions before it.
        seen = f'action(type="omfile" file="{directory}/seen")\n'
        (directory / "conf").write_bytes((_log_input(directory) + configuration + seen).encode())
        with _running_rsyslog(program, directory):
            for message in messages:
                _send(directory, message)
            Server(directory).lines("seen", len(messages))
        with socket.create_server(("127.0.0.1", port)) as listening, _running_rsyslog(program, directory):
            listening.settimeout(10)
            connection, _ = listening.accept()
            with connection, connection.makefile(encoding="utf-8") as stream:
                connection.settimeout(10)
                return [stream.readline() for _ in messages]


def checked_by_rsyslog(program: Program, file: Path, *options: str) -> str:
    """Return the output of rsyslog's check of a valid configuration."""
    return _check([program("rsyslogd", package="rsyslog"), "-N1", "-iNONE", "-f", str(file), *options])


def _log_input(directory: Path) -> str:
    return (
        f'global(workDirectory="{directory}")\nmodule(load="imuxsock" SysSock.Use="off")\n'
        f'input(type="imuxsock" Socket="{directory}/s")\n'
    )


def _running_rsyslog(program: Program, directory: Path) -> AbstractContextManager[None]:
    command = [program("rsyslogd", package="rsyslog"), "-iNONE", "-n", "-f", str(directory / "conf")]
    return _running(command, directory / "s", kind=socket.SOCK_DGRAM)


def _send(directory: Path, message: str) -> None:
    with _connected(directory / "s", socket.SOCK_DGRAM) as log:
        log.send(message.encode())


@contextmanager
def _directory() -> Iterator[Path]:
    # Not tmp_path: a socket's path is at most 108 bytes long, and a server that drops root must be able to read here.
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)
        yield Path(directory)


def _check(command: Sequence[str], *, says: str | None = None) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert says is None or said == says
    return said


@contextmanager
def _running(command: Sequence[str], path: Path, *, kind: int = socket.SOCK_STREAM) -> Iterator[None]:
    """Run a server inside the context; wait until it listens at ``path``."""
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        try:
            wait_until(lambda: _listens(path, kind), f"{command[0]} listening", process)
            yield
        finally:
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    # Repeat SIGTERM: nginx can overlook one until its next event.
    while process.poll() is None:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=1)


def wait_until(condition: Callable[[], bool], what: str, process: subprocess.Popen[bytes] | None = None) -> None:
    """Wait until ``condition()`` is true; fail after ten seconds, or when ``process`` exits."""
    deadline = time.monotonic() + 10
    while not condition():
        assert process is None or process.poll() is None, f"not {what}, but ended"
        assert time.monotonic() < deadline, f"not {what}"
        time.sleep(0.01)


def _listens(path: Path, kind: int) -> bool:
    try:
        _connected(path, kind).close()
    except OSError:
        return False
    return True


def _connected(path: Path, kind: int = socket.SOCK_STREAM) -> socket.socket:
    connected = socket.socket(socket.AF_UNIX, kind)
    try:
        connected.connect(str(path))
    except OSError:
        connected.close()
        raise
    return connected


def header(headers: http.client.HTTPMessage, name: str) -> str | None:
    """Return a header's value as UTF-8; http.client decodes it as Latin-1."""
    value = headers[name]
    return None if value is None else value.encode("latin-1").decode()


def systemd_words(program: Program, quoted: Sequence[str]) -> list[str]:
    """Return systemd's reading of words in Environment= that |systemd_quote wrote.

    Each word must begin with ``1=``: ``systemd-analyze verify`` prints the parsed text of an assignment to an invalid
    name. It omits empty lines and ends lines at CR, so words must hold neither.
    """
    executable = program("systemd-analyze", package="systemd")
    with tempfile.TemporaryDirectory() as directory:
        unit = Path(directory) / "words.service"
        lines = "".join(f"Environment={word}\n" for word in quoted)
        unit.write_bytes(f"[Service]\nType=oneshot\nExecStart=/bin/true\n{lines}".encode())
        done = subprocess.run([executable, "verify", str(unit)], capture_output=True, check=False)
        said = re.split(
            rf"(?:\A|\n){re.escape(str(unit))}:\d+: Invalid environment assignment, ignoring: ",
            done.stderr.decode().rstrip("\n"),
        )
    assert said[0] == "", said[0]
    return said[1:]


def systemd_environment(program: Program, drop_in: str) -> list[str]:
    """Return the environment assignments of a service with this drop-in; fail if systemd warns."""
    name = "ec2facts-test.service"
    unit = "[Service]\nType=oneshot\nExecStart=/bin/true\n"
    ours = _understood(program, {name: unit, f"{name}.d/10-ec2.conf": drop_in}, name)[name]
    # RuntimeDirectoryPreserve is the first line after the environment.
    return ours.partition("\n\t\tRuntimeDirectoryPreserve:")[0].split("\n\t\tEnvironment: ")[1:]


def systemd_units(program: Program, files: Mapping[str, str], start: str) -> dict[str, dict[str, list[str]]]:
    """Return the settings that systemd reads for ``start`` and every unit that it pulls in, from ``files``.

    systemd appends the origin in parentheses to the names of other units.
    """
    units: dict[str, dict[str, list[str]]] = {}
    for name, said in _understood(program, files, start).items():
        settings = units.setdefault(name, {})
        for key, value in re.findall(r"^\t+([A-Za-z ]+): (.*)$", said, re.MULTILINE):
            settings.setdefault(key, []).append(value)
    return units


def _understood(program: Program, files: Mapping[str, str], start: str) -> dict[str, str]:
    """Return the output of ``systemd --test`` for every unit."""
    analyze = program("systemd-analyze", package="systemd")
    with _directory() as directory:
        for name, text in files.items():
            (directory / name).parent.mkdir(exist_ok=True)
            (directory / name).write_bytes(text.encode())
        (directory / "run").mkdir()
        (directory / "run").chmod(0o777)
        _check([analyze, "verify", *(str(directory / name) for name in files if "/" not in name)], says="")
        # A user manager, because the system manager is the machine's own; it does not run as root.
        nobody: dict[str, Any] = {"user": 65534, "group": 65534, "extra_groups": []} if os.geteuid() == 0 else {}
        done = subprocess.run(
            ["/lib/systemd/systemd", "--test", "--user", f"--unit={start}", "--log-target=console"],
            env={"XDG_RUNTIME_DIR": f"{directory}/run", "HOME": "/nonexistent", "SYSTEMD_UNIT_PATH": f"{directory}:"},
            capture_output=True,
            check=False,
            **nobody,
        )
    assert done.returncode == 0, done.stderr.decode()
    said: str = done.stdout.decode()
    _, *units = re.split(r"^(?:\t)?-> Unit (.+):\n", said, flags=re.MULTILINE)
    return dict(zip(units[::2], units[1::2]))


def shell_words(program: Program, quoted: Sequence[str]) -> list[str]:
    """Return the words that sh reads."""
    script = "printf '%s\\0' " + " ".join(quoted)
    done = subprocess.run([program("sh"), "-c", script], capture_output=True, check=True)
    return done.stdout.decode().split("\0")[:-1]


def hosts_by_getent(program: Program, hosts: Path) -> list[list[str]]:
    """Return every entry that the C library reads from a hosts file: an address and names.

    The C library reads only /etc/hosts: the file is mounted there in a mount namespace.
    """
    script = 'mount --bind "$0" /etc/hosts && exec "$1" -s files hosts'
    unshare, getent = program("unshare", package="util-linux"), program("getent", package="libc-bin")
    done = subprocess.run(
        [unshare, "--mount", "--map-root-user", "sh", "-c", script, str(hosts), getent],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [line.split() for line in done.stdout.splitlines()]
