"""Decoders: each turns the bytes of a body into one typed value.

A decoder raises ValueError with a reason that never quotes the body. The type of a value follows from its declaration,
never from its bytes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any, Callable, Literal, NamedTuple, TypeVar, cast

D = TypeVar("D")

MAX_DEPTH = 64
"""Maximum depth of a JSON document; the service's documents have 3 levels."""


class AbsentValueError(ValueError):
    """The body says that there is no value."""


def raw(body: bytes) -> bytes:
    """Return the body unchanged."""
    return body


def text(body: bytes) -> str:
    """Return the body as strict UTF-8, white space unchanged."""
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise ValueError("not UTF-8") from None


def host_name(body: bytes) -> str:
    """Return the first host name: the service lists several if the DHCP options have several domain names."""
    name = text(body)
    return name.split()[0] if len(name.split()) > 1 else name


def segment(value: str) -> str:
    """Return ``value`` if it is a valid segment of a path."""
    if value in {"", ".", ".."} or "/" in value:
        raise ValueError("a line is not a valid segment of a path")
    return value


def lines(body: bytes) -> list[str]:
    """Return the lines, split at LF only; an empty body has no lines."""
    return [line for line in text(body).split("\n") if line]


def integer(body: bytes) -> int:
    """Return a decimal number."""
    if not re.fullmatch(rb"-?[0-9]{1,18}", body.strip()):
        raise ValueError("not a decimal number")
    return int(body)


def boolean(body: bytes) -> bool:
    """Return the boolean of ``true`` or ``false``; an empty body is false."""
    try:
        return {b"true": True, b"false": False, b"": False}[body.strip().lower()]
    except KeyError:
        raise ValueError("neither true nor false") from None


def timestamp(value: str) -> datetime:
    """Return the aware UTC time of an ISO 8601 text such as ``2020-11-05T08:22:00Z``."""
    try:
        time = datetime.fromisoformat(value.rstrip("Z"))
        return time.replace(tzinfo=time.tzinfo or timezone.utc).astimezone(timezone.utc)
    except (ValueError, OverflowError):
        raise ValueError("not a time") from None


def json_object(body: bytes) -> dict[str, Any]:
    """Return a JSON object."""
    value = _json(body)
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")
    return value


def document(kind: Callable[..., D]) -> Callable[[bytes], D]:
    """Return a decoder of JSON objects of ``kind``, a TypedDict.

    An object with a ``Code`` other than ``Success`` is an error document, which the service sends with status 200: the
    value is absent.
    """

    def decode(body: bytes) -> D:
        value = json_object(body)
        if value.get("Code", "Success") != "Success":
            raise AbsentValueError("the service returned an error document")
        return cast(D, value)

    decode.__annotations__["return"] = kind.__name__
    return decode


def documents(kind: Callable[..., D]) -> Callable[[bytes], list[D]]:
    """Return a decoder of JSON arrays of objects of ``kind``, a TypedDict."""

    def decode(body: bytes) -> list[D]:
        value = _json(body)
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise ValueError("not a JSON array of objects")
        return value

    decode.__annotations__["return"] = f"list[{kind.__name__}]"
    return decode


def field(value: Mapping[str, Any], name: str) -> str:
    """Return the text under ``name`` of a JSON object."""
    found = value.get(name)
    if not isinstance(found, str):
        raise ValueError(f"its {name} is missing or not text")
    return found


def optional_field(value: Mapping[str, Any], name: str) -> str:
    """Return the text under ``name`` of a JSON object; raise AbsentValueError for a name that is missing or null."""
    if value.get(name) is None:
        raise AbsentValueError(f"the document has no {name}")
    return field(value, name)


def _json(body: bytes) -> Any:
    try:
        value = json.loads(text(body), parse_constant=_refuse)
        # An escape such as \\ud800 is valid JSON but a lone surrogate, which UTF-8 cannot encode. A number such as
        # 1e999 is valid JSON but becomes infinity, which JSON cannot hold.
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError):
        raise ValueError("not JSON") from None
    if _depth(value) > MAX_DEPTH:
        raise ValueError(f"more than {MAX_DEPTH} levels of JSON")
    return value


def _depth(value: Any) -> int:
    levels, depth = [value], 0
    while levels:
        containers = [each for each in levels if isinstance(each, (dict, list))]
        levels = [item for each in containers for item in (each.values() if isinstance(each, dict) else each)]
        depth += bool(containers)
    return depth


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON")


class SpotInstanceAction(NamedTuple):
    """The action that interrupts a Spot Instance at ``time``, an aware UTC datetime."""

    action: Literal["hibernate", "stop", "terminate"]
    time: datetime


def spot_action(body: bytes) -> SpotInstanceAction:
    """Return the action and the time of a JSON object with both."""
    notice = json_object(body)
    return SpotInstanceAction(cast(Any, field(notice, "action")), timestamp(field(notice, "time")))


def notice_time(body: bytes) -> datetime:
    """Return the ``noticeTime`` of a JSON object."""
    return timestamp(field(json_object(body), "noticeTime"))
