"""The protocol of a source of metadata, and its listings."""

from __future__ import annotations

from typing import Callable, NamedTuple, Protocol

from ec2facts.errors import AbsentError, UnreadError

ROOTS = ("meta-data/", "dynamic/", "user-data")
"""Every path is below one of these; some services do not list user-data."""

MAX_DEPTH = 16
"""The levels of directories that are read; the service has 7. A directory below them names itself."""

PUBLIC_KEYS = "meta-data/public-keys/"
"""The directory whose listing names the directory ``N/`` as ``N=name``."""


class Source(Protocol):
    """Anything that answers for paths: the live service, a snapshot, a plain dict of bodies."""

    def get(self, path: str, /) -> bytes | None:
        """Return the body of ``path``, the percent-decoded part of the URL after ``/latest/``; None for 404."""


def read(source: Source, path: str, *, nonempty: bool = False) -> bytes:
    """Return the body of ``path``; raise AbsentError for 404, and UnreadError for an empty one that is ``nonempty``.

    A source may have methods ``read`` and ``read_nonempty`` with errors and retries of its own.
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
    """Return ``path``, below ``meta-data/`` unless it starts with a root."""
    return path if path.startswith(ROOTS) else f"meta-data/{path}"


class Listing(NamedTuple):
    """The listing of a directory: the paths of its children, and names that cannot be requested, with the reason."""

    children: list[str]
    unreachable: dict[str, str]


def read_listing(directory: str, body: bytes) -> Listing:
    """Read the listing of ``directory``, whose path ends in ``/``; a child that is a directory ends in one too.

    Lines end in LF alone. A line ``N=name`` of ``public-keys/`` means the directory ``N/``.
    A name that is listed twice, once with a slash, is a directory. ``.`` and ``..`` are skipped. Names
    below MAX_DEPTH levels are unreachable. Raises UnreadError for a body that is no listing.
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
    """Return what a body holds that no listing does, or ""; proxies and mocks answer for directories too."""
    if b"\r" in body:
        return "a carriage return"
    start = body.lstrip()[:14].lower()
    if start.startswith((b"<!doctype", b"<html", b"<?xml")):
        return "HTML or XML"
    if start.startswith((b"{", b"[")):
        import json  # a key of a tag may start so too

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
"""The longest lifetime of a token, and the one that the client requests."""

MAX_RATE = 160
"""The default limit of requests in any second.

An instance may send 1024 packets a second to the service, DNS and NTP together; the rest is dropped. A request over a
connection of its own sends 5.1 packets on average: 160 requests send 816, which leaves 208 to the others.
"""

REDIRECTS = frozenset({301, 302, 303, 307, 308})
"""The statuses that old endpoints and proxies send for a directory without its slash."""
