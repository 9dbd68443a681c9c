"""The protocol of a source of metadata, and its listings."""

from __future__ import annotations

from typing import Callable, NamedTuple, Protocol

from ec2facts.errors import AbsentError, UnreadError

ROOTS = ("meta-data/", "dynamic/", "user-data")
"""Every path is below one of these; some services do not list user-data."""

MAX_DEPTH = 16
"""The maximum depth of directories. The service has 7 levels; a deeper tree lists itself."""

PUBLIC_KEYS = "meta-data/public-keys/"
"""The directory whose listing contains ``N=name`` for the directory ``N/``."""


class Source(Protocol):
    """Anything that returns bodies by path: the live service, a snapshot, a plain dict."""

    def get(self, path: str, /) -> bytes | None:
        """Return the body of ``path``, the percent-decoded URL after ``/latest/``; None if it is absent."""


def read(source: Source, path: str, *, nonempty: bool = False) -> bytes:
    """Return the body of ``path``; raise AbsentError if it is absent, UnreadError if it is empty and ``nonempty``.

    A source may define its own ``read`` and ``read_nonempty``, with other errors and retries.
    """
    own: Callable[[str], bytes] | None = getattr(source, "read", None)
    if nonempty:
        own = getattr(source, "read_nonempty", own)
    body = source.get(path) if own is None else own(path)
    if body is None:
        raise AbsentError(path)
    if nonempty and not body:
        raise UnreadError(path, "its body is empty", status=200)
    return body


def below_root(path: str) -> str:
    """Return ``path``, prefixed with ``meta-data/`` unless it starts with one of ROOTS."""
    return path if path.startswith(ROOTS) else f"meta-data/{path}"


class Listing(NamedTuple):
    """The listing of a directory: the paths of its children, and the reasons for its unreachable names."""

    children: list[str]
    unreachable: dict[str, str]


def read_listing(directory: str, body: bytes) -> Listing:
    """Parse the listing of ``directory``, whose path ends in ``/``, as do the paths of child directories.

    Lines end in LF. ``N=name`` in ``public-keys/`` is the directory ``N/``. A name that is listed both with and without
    a slash is a directory. ``.`` and ``..`` are skipped. Names below MAX_DEPTH levels are unreachable. Raises
    UnreadError if the body is not a listing.
    """
    foreign = _foreign(body)
    if foreign:
        raise UnreadError(directory, f"its body is not a listing: it holds {foreign}", status=200)
    directories: dict[str, bool] = {}
    unreachable: dict[str, str] = {}
    for line in body.split(b"\n"):
        try:
            name = line.decode()
        except UnicodeDecodeError:
            unreachable[directory + line.decode(errors="backslashreplace")] = "its name is not UTF-8"
            continue
        if directory == PUBLIC_KEYS and "=" in name:
            name = name.partition("=")[0] + "/"
        stem = name[:-1] if name.endswith("/") else name
        if "/" in stem or (not stem and name):
            unreachable[directory + name] = "its name holds a slash"
        elif stem not in {"", ".", ".."}:
            directories[stem] = directories.get(stem, False) or stem != name
    children = [directory + stem + "/" * is_directory for stem, is_directory in directories.items()]
    if directory.count("/") >= MAX_DEPTH:
        return Listing([], {**unreachable, **dict.fromkeys(children, f"below {MAX_DEPTH} levels of directories")})
    return Listing(children, unreachable)


def _foreign(body: bytes) -> str:
    """Return why a body is not a listing, such as "JSON" from a proxy or a mock, or ""."""
    if b"\r" in body:
        return "a carriage return"
    start = body.lstrip()[:14].lower()
    if start.startswith((b"<!doctype", b"<html", b"<?xml")):
        return "HTML or XML"
    if start.startswith((b"{", b"[")):
        import json  # a tag key may start with a bracket too

        try:
            json.loads(body)
        except (ValueError, RecursionError):
            return ""
        return "JSON"
    return ""


TOKEN_PATH = "api/token"  # noqa: S105
TOKEN_HEADER = "X-aws-ec2-metadata-token"  # noqa: S105
TOKEN_TTL_HEADER = "X-aws-ec2-metadata-token-ttl-seconds"  # noqa: S105
TOKEN_TTL_SECONDS = 21600
"""The maximum lifetime of a token, which the client requests."""

MAX_RATE = 160
"""The default limit of requests in any second.

An instance may send 1024 packets a second to the link-local services (IMDS, DNS, NTP); AWS drops the rest. A request
over its own connection sends 5 or 6 packets: 160 requests send 960 at most, which leaves 64 to other programs.
"""

REDIRECTS = frozenset({301, 302, 303, 307, 308})
"""The statuses with which old endpoints and proxies redirect a directory without its slash."""
