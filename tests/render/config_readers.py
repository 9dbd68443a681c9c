"""The programs that read what templates write, each as a function from the text to what the program made of it."""

from __future__ import annotations

import http.client
import re
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

Program = Callable[..., str]
Fetch = Callable[[str], "tuple[http.client.HTTPMessage, str]"]


@contextmanager
def running_nginx(program: Program, configuration: Callable[[Path], str]) -> Iterator[Fetch]:
    """Run nginx with what ``configuration`` puts into its http block, given a directory; yield what fetches a path.

    It is to listen at the socket ``s`` of that directory. The test fails, with nginx's words, if it refuses.
    """
    executable = program("nginx", package="nginx-light")
    # Not pytest's directory: the path of a socket has 108 bytes at most.
    with tempfile.TemporaryDirectory() as temporary:
        directory = Path(temporary)
        kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        paths = "".join(f"{kind}_temp_path {directory};\n" for kind in kinds)
        whole = f"pid {directory}/pid;\nevents {{}}\nhttp {{\naccess_log off;\n{paths}{configuration(directory)}\n}}\n"
        (directory / "conf").write_bytes(whole.encode())
        command = [executable, "-p", temporary, "-e", "stderr", "-c", str(directory / "conf")]
        checked = subprocess.run([*command, "-t", "-q"], capture_output=True, text=True, check=False)
        assert checked.returncode == 0, checked.stderr
        assert checked.stderr == ""
        with subprocess.Popen([*command, "-g", "daemon off; master_process off;"]) as process:
            try:
                _wait_for(directory / "s", process)
                yield lambda path: _fetch(directory / "s", path)
            finally:
                process.terminate()


def _wait_for(path: Path, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 10
    while not _listens(path):
        assert process.poll() is None, "nginx has ended"
        assert time.monotonic() < deadline, "nginx does not listen"
        time.sleep(0.01)


def _listens(path: Path) -> bool:
    try:
        _connected(path).close()
    except OSError:
        return False
    return True


def _connected(path: Path) -> socket.socket:
    connected = socket.socket(socket.AF_UNIX)
    try:
        connected.connect(str(path))
    except OSError:
        connected.close()
        raise
    return connected


def _fetch(path: Path, target: str) -> tuple[http.client.HTTPMessage, str]:
    connection = http.client.HTTPConnection("localhost", timeout=10)
    connection.sock = _connected(path)
    try:
        connection.request("GET", target)
        response = connection.getresponse()
        return response.headers, response.read().decode()
    finally:
        connection.close()


def header(headers: http.client.HTTPMessage, name: str) -> str | None:
    """Return a header's value; http.client reads bytes, nginx wrote UTF-8."""
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


def shell_words(program: Program, quoted: Sequence[str]) -> list[str]:
    """Return what sh makes of words."""
    script = "printf '%s\\0' " + " ".join(quoted)
    done = subprocess.run([program("sh"), "-c", script], capture_output=True, check=True)
    return done.stdout.decode().split("\0")[:-1]
