from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ec2facts.errors import AbsentError, UnreadError
from ec2facts.imds.snapshot import Gap, Snapshot
from ec2facts.imds.source import PUBLIC_KEYS, Listing, read, read_listing
from tests.fuzzing import examples

DIRECTORY = "meta-data/placement/"


@pytest.mark.parametrize(
    ("body", "children"),
    [
        (b"", []),
        (b"\n\n\n", []),
        (b"region", ["region"]),
        (b"region\n", ["region"]),
        (b"region\ngroup-name", ["region", "group-name"]),
        (b"\nregion\n\nzone\n\n", ["region", "zone"]),
        (b"groups/\nregion", ["groups/", "region"]),
        (b"z\na\nm", ["z", "a", "m"]),
        (b"mac\nmac\nmac", ["mac"]),
        (b"services\nservices/", ["services/"]),
        (b"services/\nservices", ["services/"]),
        (b"services/\nservices/", ["services/"]),
        (b".\n..\n./\n../\nregion", ["region"]),
        (b"...\n..x\n.x/", ["...", "..x", ".x/"]),
        (b"{a\n[b]\n<c>", ["{a", "[b]", "<c>"]),
        (b"a\x0bb\x0cc\x1cd\x85e", []),
        ("a\u2028b\u0085c".encode(), ["a\u2028b\u0085c"]),
        (b" a \n\t", [" a ", "\t"]),
        (b"a=b=c", ["a=b=c"]),
        (b"50%\n#1\nwhy?\n%2e%2e", ["50%", "#1", "why?", "%2e%2e"]),
        ("gr\u00f6\u00dfe".encode(), ["gr\u00f6\u00dfe"]),
    ],
)
def test_listing_is_parsed(body: bytes, children: list[str]) -> None:
    assert read_listing(DIRECTORY, body).children == [DIRECTORY + child for child in children]


@pytest.mark.parametrize(
    ("body", "held"),
    [
        (b"region\r\nzone\r\n", "a carriage return"),
        (b"re\rgion", "a carriage return"),
        (b'{"error": "Not Found"}', "JSON"),
        (b' ["region"]\n', "JSON"),
        (b"<!DOCTYPE html>\n<title>Sign in</title>", "HTML or XML"),
        (b"\n<HTML><body>", "HTML or XML"),
        (b'<?xml version="1.0"?>\n<html>', "HTML or XML"),
    ],
)
def test_invalid_listing_is_unread(body: bytes, held: str) -> None:
    with pytest.raises(
        UnreadError, match=f"^{DIRECTORY} could not be read: its body is not a listing: it holds {held}$"
    ):
        read_listing(DIRECTORY, body)


@pytest.mark.parametrize(
    ("body", "children"),
    [
        (b"0=my-key", ["0/"]),
        (b"0=my-key\n1=other key", ["0/", "1/"]),
        (b"0=a=b=c", ["0/"]),
        (b"0=", ["0/"]),
        (b"0=team/deploy", ["0/"]),
        (b"0=one\n0=two", ["0/"]),
        (b"0/", ["0/"]),
        (b"0", ["0"]),
        (b"..=key\n.=key", []),
    ],
)
def test_line_of_public_keys_is_a_directory(body: bytes, children: list[str]) -> None:
    assert read_listing(PUBLIC_KEYS, body) == Listing([PUBLIC_KEYS + child for child in children], {})


@pytest.mark.parametrize("directory", ["meta-data/tags/instance/", "meta-data/public-keys/0/", "public-keys/", ""])
def test_equals_sign_is_part_of_other_names(directory: str) -> None:
    assert read_listing(directory, b"0=my-key").children == [f"{directory}0=my-key"]


@pytest.mark.parametrize(
    ("body", "name", "reason"),
    [
        (b"a/b", "a/b", "its name holds a slash"),
        (b"a/b/", "a/b/", "its name holds a slash"),
        (b"a//", "a//", "its name holds a slash"),
        (b"/", "/", "its name holds a slash"),
        (b"//", "//", "its name holds a slash"),
        (b"/etc", "/etc", "its name holds a slash"),
        (b"../user-data", "../user-data", "its name holds a slash"),
        (b"..//", "..//", "its name holds a slash"),
        (b"caf\xe9", "caf\\xe9", "its name is not UTF-8"),
        (b"\xed\xa0\x80/", "\\xed\\xa0\\x80/", "its name is not UTF-8"),
    ],
)
def test_unreachable_name_is_reported_and_its_siblings_are_read(body: bytes, name: str, reason: str) -> None:
    listing = read_listing(DIRECTORY, b"region\n" + body + b"\nzone")

    assert listing.children == [f"{DIRECTORY}region", f"{DIRECTORY}zone"]
    assert listing.unreachable == {DIRECTORY + name: reason}


LINES = st.lists(
    st.sampled_from([b".", b"..", b"./", b"../", b"/", b"//", b"a", b"a/", b"0=x", b"..=x", b"../=x", b"=", b"{}"])
    | st.binary(max_size=8),
    max_size=12,
).map(b"\n".join)


@examples(500)
@given(directory=st.sampled_from([DIRECTORY, PUBLIC_KEYS, "meta-data/", ""]), body=LINES)
@example(directory=PUBLIC_KEYS, body=b"../=x\n=x\n/=x")
def test_children_are_unique_and_directly_below_their_directory(directory: str, body: bytes) -> None:
    try:
        children = read_listing(directory, body).children
    except UnreadError:
        children = []

    for child in children:
        assert child.startswith(directory)
        name = child[len(directory) :]
        assert name.rstrip("/") not in {"", ".", ".."}
        assert "/" not in name[:-1]
    stems = [child.rstrip("/") for child in children]
    assert len(set(stems)) == len(stems)


def test_plain_dict_of_bodies_is_a_source() -> None:
    assert read({"user-data": b"#!/bin/sh"}, "user-data") == b"#!/bin/sh"


def test_empty_body_of_a_dict_is_not_absent() -> None:
    assert read({"user-data": b""}, "user-data") == b""


def test_source_that_returns_none_raises_absent_error() -> None:
    with pytest.raises(AbsentError, match=r"^user-data is absent: the service answers 404$") as caught:
        read({}, "user-data")

    assert caught.value.path == "user-data"


def test_source_with_its_own_read_raises_its_own_error() -> None:
    class OwnError(AbsentError):
        pass

    class Own:
        def get(self, path: str, /) -> bytes | None:
            raise NotImplementedError

        def read(self, path: str, /) -> bytes:
            raise OwnError(path)

    with pytest.raises(OwnError):
        read(Own(), "user-data")


def test_error_of_a_source_is_passed_on_unchanged() -> None:
    with pytest.raises(UnreadError) as caught:
        read(Snapshot({}, {"user-data": Gap("unread", "HTTP 503", 503)}), "user-data")

    assert caught.value.status == 503
