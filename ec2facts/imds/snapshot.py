"""A snapshot: the bodies of one instance by path, byte for byte, in memory and in a file."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator, Mapping
from os import PathLike, fspath
from pathlib import Path
from typing import Any, Literal, NamedTuple

from ec2facts.errors import AbsentError, SnapshotError, UnreadError, WithheldError
from ec2facts.imds.source import Listing, read_listing
from ec2facts.text import escape_unprintable


class Gap(NamedTuple):
    """Why a snapshot has no body for a path."""

    kind: Literal["absent", "unread", "withheld"]
    detail: str = ""
    """The reason for an unread path, the name to include for a withheld path."""
    status: int | None = None
    """The HTTP status of the service's reply, if there was one."""


class Snapshot:
    """The bodies of one instance by path, and the reasons for missing bodies; a source like the live service.

    Like the service, a snapshot accepts the path of a value with a trailing slash, and of a directory without one. If a
    directory has neither a body nor a gap, its listing is computed from the paths inside it, in byte order. ``file`` is
    the file from which the snapshot was loaded, if any.
    """

    file: Path | None = None

    def __init__(
        self,
        bodies: Mapping[str, bytes],
        gaps: Mapping[str, Gap] | None = None,
        *,
        listings: Mapping[str, Listing] | None = None,
    ) -> None:
        """Copy ``bodies`` and ``gaps``; ``listings`` are the parsed listings of directories in ``bodies``, if known."""
        for path, body in bodies.items():
            if not isinstance(body, bytes):
                raise TypeError(f"the body of {path!r} is not bytes")
        self.bodies = dict(bodies)
        self.gaps: dict[str, Gap] = {path: gap for path, gap in (gaps or {}).items() if path not in bodies}
        self._listings = dict(listings or {})
        known = {child for listing in self._listings.values() for child in (*listing.children, *listing.unreachable)}
        leading = (path for path in self.gaps if path not in known and not self._is_unreachable(path))
        for directory, body in _computed((*(path for path in bodies if path not in known), *leading)).items():
            if directory not in self.gaps:
                self.bodies.setdefault(directory, body)

    @property
    def name(self) -> str:
        """The name of this snapshot in messages: its file, if it has one."""
        return "snapshot" if self.file is None else str(self.file)

    def __repr__(self) -> str:
        instance_id = self.bodies.get("meta-data/instance-id", b"").decode(errors="replace")
        of = f" of {escape_unprintable(instance_id)}" if instance_id else ""
        return f"<Snapshot{of}: {len(self.bodies)} bodies, {len(self.gaps)} gaps>"

    def _is_unreachable(self, path: str) -> bool:
        """Whether ``path`` is an unreachable name of a listing: its slashes do not imply directories."""
        return any(
            directory[:-1] in self.bodies or (directory in self.bodies and self._names_unreachable(directory, path))
            for directory in _above(path)
        )

    def _names_unreachable(self, directory: str, path: str) -> bool:
        try:
            return path in self.listing(directory).unreachable
        except UnreadError:  # the body is not a listing
            return False

    def listing(self, directory: str) -> Listing:
        """Return the parsed body of ``directory``; children that are directories in this snapshot end in a slash.

        Raises UnreadError if the body is not a listing.
        """
        if directory not in self._listings:
            self._listings[directory] = read_listing(directory, self.bodies[directory])
        children, unreachable = self._listings[directory]
        return Listing([child + "/" * self._is_directory(child) for child in children], unreachable)

    def _is_directory(self, path: str) -> bool:
        return not path.endswith("/") and (path + "/" in self.bodies or path + "/" in self.gaps)

    def get(self, path: str) -> bytes | None:
        """Return the body of ``path``, or None if the service answered 404.

        Raises WithheldError or UnreadError if the path or a directory above it was withheld or unread: a path below an
        unread directory may exist.
        """
        for candidate in (path, path[:-1] if path.endswith("/") else path + "/"):
            if candidate in self.bodies:
                return self.bodies[candidate]
            self._refuse(candidate)
        for directory in _above(path):
            if directory in self.bodies:
                break
            self._refuse(directory)
            self._refuse(directory[:-1])
        return None

    def _refuse(self, path: str) -> None:
        gap = self.gaps.get(path, Gap("absent"))
        if gap.kind == "withheld":
            raise WithheldError(path, gap.detail, advice="this snapshot lacks it: take another with")
        if gap.kind == "unread":
            raise UnreadError(path, gap.detail, status=gap.status)

    def read(self, path: str) -> bytes:
        """Return the body of ``path``; raise AbsentError if the service answered 404."""
        body = self.get(path)
        if body is None:
            raise AbsentError(path)
        return body

    @property
    def unread(self) -> dict[str, str]:
        """The reasons by unread path, without paths that were read as directories."""
        unread = sorted((path, gap.detail) for path, gap in self.gaps.items() if gap.kind == "unread")
        return {path: reason for path, reason in unread if not self._is_directory(path)}

    @classmethod
    def load(cls, file: str | PathLike[str]) -> Snapshot:
        """Load a snapshot file; raise SnapshotError, which names the entry, if it is malformed."""
        snapshot = cls.parse(Path(file).read_bytes(), name=fspath(file))
        snapshot.file = Path(file)
        return snapshot

    @classmethod
    def parse(cls, content: bytes, *, name: str = "snapshot") -> Snapshot:
        """Parse the content of a snapshot file; ``name`` is its name in errors.

        The content is a JSON object of entries by path below ``/latest/``: ``{"body": text}`` or
        ``{"body_b64": base64}``, for a directory ``{"listing": text}``. An entry without a body holds the service's
        HTTP status, ``{"status": number}``, or ``{"unread": reason}`` or ``{"withheld": name to include}``.
        """
        try:
            entries = json.loads(content)
        except (ValueError, RecursionError) as error:
            raise SnapshotError(name, f"not JSON: {error}") from error
        if not isinstance(entries, dict):
            raise SnapshotError(name, "not a JSON object of entries by path")
        if "instance_id" in entries or "collection" in entries:
            raise SnapshotError(name, "this is a dump; write a snapshot with `ec2facts snapshot`")
        bodies: dict[str, bytes] = {}
        gaps: dict[str, Gap] = {}
        for path, entry in entries.items():
            try:
                read = _entry(path, entry)
            except ValueError as error:
                raise SnapshotError(name, str(error), entry=path) from error
            if isinstance(read, Gap):
                gaps[path] = read
            else:
                bodies[path] = read
        directories = _computed(bodies).keys() | bodies.keys()
        for path in bodies:
            if not path.endswith("/") and path + "/" in directories:
                raise SnapshotError(name, "both a value and a directory", entry=path)
        return cls(bodies, gaps)

    def save(self, file: str | PathLike[str]) -> None:
        """Write a snapshot file atomically, readable only by its owner: included values may be secret."""
        from ec2facts.atomic_replace import write_file  # few commands write a file

        write_file(Path(file), self.dump(), mode=0o600)

    def dump(self) -> bytes:
        """Return the content of a snapshot file; it is equal for equal snapshots."""
        entries: dict[str, dict[str, Any]] = {path: _body_entry(path, body) for path, body in self.bodies.items()}
        for path, (kind, detail, status) in self.gaps.items():
            entries[path] = {} if status is None else {"status": status}
            if kind != "absent":
                entries[path][kind] = detail
            entries[path] = entries[path] or {"status": 404}
        return (json.dumps(entries, ensure_ascii=False, indent=1, sort_keys=True) + "\n").encode()


def _entry(path: str, entry: object) -> bytes | Gap:
    """Parse one entry of a snapshot file; raise ValueError with the reason if it is malformed."""
    path.encode()  # a lone surrogate, which JSON can hold, raises ValueError
    if path.startswith("/"):
        raise ValueError("a path starts after /latest/, without a slash")
    if not isinstance(entry, dict):
        raise ValueError("not a JSON object")
    unknown = entry.keys() - {"body", "body_b64", "listing", "status", "unread", "withheld"}
    if unknown:
        raise ValueError(f"unknown key {min(unknown)!r}")
    for key, value in entry.items():
        if type(value) is not (int if key == "status" else str):
            raise ValueError(f"{key} is not {'a number' if key == 'status' else 'text'}")
        str(value).encode()
    status = entry.get("status", 200)
    if "withheld" in entry:
        return Gap("withheld", entry["withheld"])
    if "unread" in entry:
        return Gap("unread", entry["unread"], entry.get("status"))
    if status == 404:
        return Gap("absent", status=404)
    if status != 200:
        return Gap("unread", f"HTTP {status}", status)
    return _body(path, entry)


def _body(path: str, entry: Mapping[str, Any]) -> bytes:
    keys = {_text_key(path), "body_b64"}
    given = entry.keys() & {"body", "body_b64", "listing"}
    if len(given) != 1 or not given <= keys:
        raise ValueError(f"takes one of {', '.join(sorted(keys))}")
    text: str = entry[min(given)]
    if "body_b64" not in given:
        return text.encode()
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        raise ValueError("body_b64 is not base64") from None


def _text_key(path: str) -> str:
    return "listing" if path.endswith("/") or not path else "body"


def _body_entry(path: str, body: bytes) -> dict[str, Any]:
    try:
        return {_text_key(path): body.decode()}
    except UnicodeDecodeError:
        return {"body_b64": base64.b64encode(body).decode()}


def _above(path: str) -> Iterator[str]:
    """Yield the directories above ``path``, the nearest first."""
    while "/" in path[:-1]:
        path = path[: path.rindex("/", 0, -1) + 1]
        yield path


def _computed(paths: Iterable[str]) -> dict[str, bytes]:
    """Return the computed listing of every directory above ``paths``."""
    children: dict[str, list[str]] = {"": []}
    listed: set[str] = set()
    for path in paths:
        child = path
        while child and child not in listed:
            listed.add(child)
            directory = child[: child[:-1].rfind("/") + 1]
            children.setdefault(directory, []).append(child[len(directory) :])
            child = directory
    return {directory: "\n".join(sorted(names)).encode() for directory, names in children.items()}
