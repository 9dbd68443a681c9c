"""The servers that read what templates write, each run with it for as long as a test asks it."""

from __future__ import annotations

import http.client
import os
import re
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

Program = Callable[..., str]
Fetch = Callable[..., "tuple[http.client.HTTPMessage, str]"]


@contextmanager
def running_nginx(program: Program, configuration: Callable[[Path], str]) -> Iterator[Fetch]:
    """Run nginx with what ``configuration`` puts into its http block, given a directory; yield what fetches a path.

    It is to listen at the socket ``s`` of that directory. The test fails, with nginx's words, if it refuses.
    """
    executable = program("nginx", package="nginx-light")
    with _directory() as directory:
        kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        paths = "".join(f"{kind}_temp_path {directory};\n" for kind in kinds)
        whole = f"pid {directory}/pid;\nevents {{}}\nhttp {{\naccess_log off;\n{paths}{configuration(directory)}\n}}\n"
        (directory / "conf").write_bytes(whole.encode())
        command = [executable, "-p", str(directory), "-e", "stderr", "-c", str(directory / "conf")]
        _check([*command, "-t", "-q"], says="")
        with _running([*command, "-g", "daemon off; master_process off;"], directory / "s"):
            yield lambda path: _fetch(directory / "s", path)


@contextmanager
def running_haproxy(program: Program, configuration: Callable[[Path], str]) -> Iterator[Fetch]:
    """Run haproxy as ``configuration`` says, given a directory; yield what fetches a path from a socket there.

    It is to listen at the socket ``s``. The test fails, with haproxy's words, if it refuses or warns.
    """
    executable = program("haproxy")
    with _directory() as directory:
        (directory / "cfg").write_bytes(configuration(directory).encode())
        _check([executable, "-q", "-c", "-f", str(directory / "cfg")], says="")
        with _running([executable, "-db", "-q", "-f", str(directory / "cfg")], directory / "s"):
            yield lambda path, name="s": _fetch(directory / name, path)


def logged_by_rsyslog(program: Program, configuration: Callable[[Path], str], message: str) -> str:
    """Return what rsyslog appends to the file ``log`` of a directory for one message, configured as given that.

    The test fails, with rsyslog's words, if it refuses.
    """
    executable = program("rsyslogd", package="rsyslog")
    with _directory() as directory:
        entrance = f'module(load="imuxsock" SysSock.Use="off")\ninput(type="imuxsock" Socket="{directory}/s")\n'
        (directory / "conf").write_bytes((entrance + configuration(directory)).encode())
        command = [executable, "-iNONE", "-f", str(directory / "conf")]
        said = _check([*command, "-N1"])
        assert "error" not in said, said
        with _running([*command, "-n"], directory / "s", kind=socket.SOCK_DGRAM):
            with _connected(directory / "s", socket.SOCK_DGRAM) as log:
                log.send(message.encode())
            _wait_until(lambda: (directory / "log").exists() and (directory / "log").stat().st_size > 0, "a log")
        assert not (directory / "log").stat().st_mode & 0o077, "others can read the log"
        return (directory / "log").read_bytes().decode()


@contextmanager
def _directory() -> Iterator[Path]:
    # Not pytest's: the path of a socket has 108 bytes at most. Who drops root's rights reads there too.
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
    """Run a server while the context lasts, which begins when it listens at ``path``."""
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        try:
            _wait_until(lambda: _listens(path, kind), f"{command[0]} listening", process)
            yield
        finally:
            process.terminate()


def _wait_until(true: Callable[[], bool], what: str, process: subprocess.Popen[bytes] | None = None) -> None:
    deadline = time.monotonic() + 10
    while not true():
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


def _fetch(path: Path, target: str) -> tuple[http.client.HTTPMessage, str]:
    # A server with two sockets does not open them at the same moment.
    _wait_until(lambda: _listens(path, socket.SOCK_STREAM), f"listening at {path.name}")
    connection = http.client.HTTPConnection("localhost", timeout=10)
    connection.sock = _connected(path)
    try:
        connection.request("GET", target)
        response = connection.getresponse()
        return response.headers, response.read().decode()
    finally:
        connection.close()


def header(headers: http.client.HTTPMessage, name: str) -> str | None:
    """Return a header's value; http.client reads bytes, the server wrote UTF-8."""
    value = headers[name]
    return None if value is None else value.encode("latin-1").decode()


def systemd_words(program: Program, quoted: Sequence[str]) -> list[str]:
    """Return what systemd makes of words in Environment= that were written with |systemd_quote.

    Each is to begin with ``1=``: ``systemd-analyze verify`` repeats assignments to what cannot be a name as it
    understood them. It prints no empty lines and takes CR for the end of one, so that words may hold neither.
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
    """Return the assignments that systemd gives a service with such a drop-in, which it has no word to say against.

    ``systemd --test`` prints what it has made of every unit; the last line of ours comes behind the environment.
    """
    analyze = program("systemd-analyze", package="systemd")
    with _directory() as directory:
        unit = directory / "ec2facts-test.service"
        unit.write_text("[Service]\nType=oneshot\nExecStart=/bin/true\n")
        (directory / "ec2facts-test.service.d").mkdir()
        (directory / "ec2facts-test.service.d/10-ec2.conf").write_bytes(drop_in.encode())
        (directory / "run").mkdir()
        (directory / "run").chmod(0o777)
        _check([analyze, "verify", str(unit)], says="")
        # As a user's manager, since root's would be the machine's; it does not run as root.
        nobody: dict[str, Any] = {"user": 65534, "group": 65534, "extra_groups": []} if os.geteuid() == 0 else {}
        done = subprocess.run(
            ["/lib/systemd/systemd", "--test", "--user", f"--unit={unit.name}", "--log-target=console"],
            env={"XDG_RUNTIME_DIR": f"{directory}/run", "HOME": "/nonexistent", "SYSTEMD_UNIT_PATH": f"{directory}:"},
            capture_output=True,
            check=False,
            **nobody,
        )
    assert done.returncode == 0, done.stderr.decode()
    said: str = done.stdout.decode()
    ours = said.partition(f"Unit {unit.name}:\n")[2].partition("\n\t\tRuntimeDirectoryPreserve:")[0]
    return ours.split("\n\t\tEnvironment: ")[1:]


def shell_words(program: Program, quoted: Sequence[str]) -> list[str]:
    """Return what sh makes of words."""
    script = "printf '%s\\0' " + " ".join(quoted)
    done = subprocess.run([program("sh"), "-c", script], capture_output=True, check=True)
    return done.stdout.decode().split("\0")[:-1]


def hosts_by_getent(program: Program, hosts: Path) -> list[list[str]]:
    """Return every entry of a hosts file as the C library reads it: an address and names.

    Nothing tells it to read another file: it gets a file system of its own, with this one in place.
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
