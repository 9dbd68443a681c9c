from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any, TypedDict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ec2facts.metadata.decoders import (
    boolean,
    document,
    documents,
    field,
    integer,
    json_object,
    lines,
    raw,
    text,
    timestamp,
)


class Planet(TypedDict):
    name: str


@given(st.binary())
def test_raw_keeps_every_byte(body: bytes) -> None:
    assert raw(body) == body


@given(st.text())
def test_text_keeps_every_character(value: str) -> None:
    assert text(value.encode()) == value


@given(st.lists(st.text(min_size=1).filter(lambda line: "\n" not in line)), st.booleans())
def test_lines_are_split_at_line_feeds_alone(values: list[str], ends_in_one: bool) -> None:  # noqa: FBT001
    body = "\n".join(values) + "\n" * ends_in_one

    assert lines(body.encode()) == values


@pytest.mark.parametrize(
    ("decode", "body", "value"),
    [
        (text, b"", ""),
        (text, b" a\r\n", " a\r\n"),
        (text, "\ufeffgr\u00f6\u00dfe".encode(), "\ufeffgr\u00f6\u00dfe"),
        (lines, b"", []),
        (lines, b"\n\n", []),
        (lines, b"efa\n\nonly\n", ["efa", "only"]),
        (lines, b"a\r\nb", ["a\r", "b"]),
        (integer, b"0", 0),
        (integer, b"012", 12),
        (integer, b"-1", -1),
        (integer, b"7\n", 7),
        (boolean, b"true", True),
        (boolean, b"True\n", True),
        (boolean, b"false", False),
        (boolean, b"", False),
        (json_object, b'{"a": [1, null]}\n', {"a": [1, None]}),
        (json_object, '{"a": "gr\u00f6\u00dfe"}'.encode(), {"a": "gr\u00f6\u00dfe"}),
        (json_object, b'{"a": "\\ud83d\\ude80"}', {"a": "\U0001f680"}),
        (document(Planet), b'{"name": "Mars"}', {"name": "Mars"}),
        (document(Planet), b'{"Code": "Success", "name": "Mars"}', {"Code": "Success", "name": "Mars"}),
        (documents(Planet), b"[]", []),
        (documents(Planet), b'[{"name": "Mars"}]', [{"name": "Mars"}]),
    ],
)
def test_body_is_decoded(decode: Callable[[bytes], object], body: bytes, value: object) -> None:
    decoded = decode(body)

    assert (type(decoded), decoded) == (type(value), value)


NOT_JSON = [b"", b"secret", b'{"secret": ', b'{"secret": NaN}', b'{"a": "\\ud800"}', b"\xff", b"\xef\xbb\xbf{}"]


@pytest.mark.parametrize(
    ("decode", "body", "reason"),
    [
        (text, b"secret\xff", "not UTF-8"),
        (text, b"secret\xed\xa0\x80", "not UTF-8"),
        (lines, b"secret\n\xff", "not UTF-8"),
        *((integer, body, "not a decimal number") for body in (b"", b"secret", b"1.0", b"1e3", b"1_0", b"+1", b"0x1")),
        (integer, "\u0661".encode(), "not a decimal number"),
        (integer, 5000 * b"1", "not a decimal number"),
        (boolean, b"secret", "neither true nor false"),
        (boolean, b"1", "neither true nor false"),
        *((json_object, body, "not JSON") for body in NOT_JSON),
        (json_object, 100_000 * b"[", "not JSON"),
        *((json_object, body, "not a JSON object") for body in (b"[]", b'"secret"', b"null", b"1")),
        (document(Planet), b"[]", "not a JSON object"),
        (
            document(Planet),
            b'{"Code": "secret", "Message": "secret"}',
            "the service returned an error document",
        ),
        (document(Planet), b'{"Code": null}', "the service returned an error document"),
        *((json_object, b'{"a": %s}' % number, "not JSON") for number in (b"1e999", b"-1e999", b"NaN", b"Infinity")),
        (json_object, b'{"a":' * 64 + b"[]" + b"}" * 64, "more than 64 levels of JSON"),
        (json_object, rb'{"a": "\ud800"}', "not JSON"),
        (documents(Planet), b"{}", "not a JSON array of objects"),
        (documents(Planet), b'["secret"]', "not a JSON array of objects"),
        (documents(Planet), b"secret", "not JSON"),
    ],
)
def test_invalid_body_is_an_error_with_only_the_reason(
    decode: Callable[[bytes], object], body: bytes, reason: str
) -> None:
    with pytest.raises(ValueError, match=re.escape(reason)) as caught:
        decode(body)

    assert str(caught.value) == reason
    assert "secret" not in repr(caught.value.__cause__)


@pytest.mark.parametrize(
    ("value", "time"),
    [
        ("2026-01-15T08:22:00Z", datetime(2026, 1, 15, 8, 22, tzinfo=timezone.utc)),
        ("2026-01-15T08:22:00", datetime(2026, 1, 15, 8, 22, tzinfo=timezone.utc)),
        ("2026-01-15T08:22:00.250Z", datetime(2026, 1, 15, 8, 22, 0, 250_000, tzinfo=timezone.utc)),
        ("2026-01-15T08:22:00+00:00", datetime(2026, 1, 15, 8, 22, tzinfo=timezone.utc)),
        ("2026-01-15T08:22:00+02:00", datetime(2026, 1, 15, 6, 22, tzinfo=timezone.utc)),
    ],
)
def test_time_is_aware_and_in_utc(value: str, time: datetime) -> None:
    assert timestamp(value) == time
    assert timestamp(value).tzinfo is timezone.utc


@pytest.mark.parametrize(
    "value", ["", "Z", "soon", "21 Jan 2026 09:00:43 GMT", "2026-02-30T00:00:00Z", "0001-01-01T00:00:00+23:00"]
)
def test_text_that_is_not_a_time_is_an_error(value: str) -> None:
    with pytest.raises(ValueError, match=r"^not a time$"):
        timestamp(value)


def test_field_is_text_of_an_object() -> None:
    assert field({"name": "Mars"}, "name") == "Mars"


@pytest.mark.parametrize("value", [{}, {"name": None}, {"name": 4}, {"name": ["Mars"]}])
def test_field_that_is_missing_or_not_text_is_an_error(value: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"^its name is missing or not text$"):
        field(value, "name")


def test_document_decoders_declare_their_return_type() -> None:
    returned = document(Planet).__annotations__["return"], documents(Planet).__annotations__["return"]

    assert returned == ("Planet", "list[Planet]")
