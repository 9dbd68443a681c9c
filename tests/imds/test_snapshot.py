from __future__ import annotations

import base64
import json
import os
import stat
import traceback
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ec2facts import instances
from ec2facts.errors import AbsentError, SnapshotError, UnreadError, WithheldError
from ec2facts.imds.snapshot import Gap, Snapshot
from ec2facts.imds.source import Listing
from tests.fuzzing import examples

ALL = instances.names()


def parse(entries: object) -> Snapshot:
    return Snapshot.parse(json.dumps(entries).encode(), name="mine.json")


# Files


@pytest.mark.parametrize("name", ALL)
def test_saved_file_loads_as_an_equal_snapshot(name: str, tmp_path: Path) -> None:
    snapshot = instances.load(name)

    snapshot.save(tmp_path / "instance.json")
    loaded = Snapshot.load(tmp_path / "instance.json")

    assert loaded.bodies == snapshot.bodies
    assert {path: gap.kind for path, gap in loaded.gaps.items()} == {
        path: gap.kind for path, gap in snapshot.gaps.items()
    }


NAMES = st.text(st.characters(codec="utf-8", exclude_characters="/"), min_size=1).filter(lambda name: name != "\0")
LEAVES = st.lists(NAMES, min_size=1, max_size=4).map("/".join)
TEXTS = st.text(st.characters(codec="utf-8"))
GAPS = (
    st.just(Gap("absent", status=404))
    | TEXTS.map(lambda name: Gap("withheld", name))
    | st.builds(Gap, st.just("unread"), TEXTS, st.none() | st.integers(300, 599))
)


@examples(200)
@given(
    bodies=st.dictionaries(LEAVES | LEAVES.map(lambda path: f"{path}/"), st.binary() | st.text().map(str.encode)),
    gaps=st.dictionaries(LEAVES | LEAVES.map(lambda path: f"{path}/"), GAPS),
)
@example(bodies={"": b"\xff"}, gaps={"a": Gap("unread", "HTTP 503", 503)})
@example(bodies={"a": b"1"}, gaps={"a": Gap("absent", status=404), "a/b": Gap("unread", "its name holds a slash")})
@example(bodies={"a": b"1"}, gaps={"a/b/c": Gap("unread", "its name holds a slash")})
@example(bodies={"a/b": b"1"}, gaps={"a/": Gap("unread", "HTTP 503", 503)})
def test_any_bodies_and_gaps_survive_a_round_trip(bodies: dict[str, bytes], gaps: dict[str, Gap]) -> None:
    values = {path for path in bodies if not path.endswith("/")}
    bodies = {path: body for path, body in bodies.items() if not any(path.startswith(f"{value}/") for value in values)}
    snapshot = Snapshot(bodies, gaps)

    again = Snapshot.parse(snapshot.dump())

    assert (again.bodies, again.gaps) == (snapshot.bodies, snapshot.gaps)
    assert again.dump() == snapshot.dump()
    assert bodies.items() <= again.bodies.items()


def test_body_must_be_bytes() -> None:
    bodies: Any = {"meta-data/instance-id": "i-1234567890abcdef0"}

    with pytest.raises(TypeError, match="the body of 'meta-data/instance-id' is not bytes"):
        Snapshot(bodies)


def test_equal_snapshots_give_equal_files() -> None:
    one = Snapshot({"b": b"1", "a": b"2"}, {"d": Gap("absent"), "c": Gap("absent")})
    other = Snapshot({"a": b"2", "b": b"1"}, {"c": Gap("absent"), "d": Gap("absent")})

    assert one.dump() == other.dump()


def test_file_is_readable_text() -> None:
    snapshot = Snapshot({"meta-data/tags/instance/größe": "groß\n".encode(), "user-data": b"\xff"})

    text = snapshot.dump().decode()

    assert ' "meta-data/tags/instance/größe": {\n  "body": "groß\\n"\n }' in text
    assert ' "user-data": {\n  "body_b64": "/w=="\n }' in text
    assert text.endswith("}\n")


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_file_has_the_mode_0600(tmp_path: Path, umask: int) -> None:
    file = tmp_path / "instance.json"
    before = os.umask(umask)

    try:
        Snapshot({}).save(file)
    finally:
        os.umask(before)

    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_replaced_file_has_the_mode_0600_afterwards(tmp_path: Path) -> None:
    file = tmp_path / "instance.json"
    file.write_text("{}")
    file.chmod(0o644)

    Snapshot({}).save(file)

    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_file_written_by_hand_is_read() -> None:
    snapshot = parse(
        {
            "meta-data/ami-id": {"body": "ami-0abcdef1234567890"},
            "meta-data/public-keys/": {"listing": "0=my-key"},
            "meta-data/public-keys/0/openssh-key": {"body": "ssh-ed25519 AAAA my-key\n", "status": 200},
            "meta-data/metrics/vhostmd": {"status": 404},
            "meta-data/busy": {"status": 503, "body": "<html>Try again</html>"},
            "user-data": {"body_b64": base64.b64encode(b"\x1f\x8b\x00").decode()},
        }
    )

    assert snapshot.get("meta-data/ami-id") == b"ami-0abcdef1234567890"
    assert snapshot.get("meta-data/public-keys/") == b"0=my-key"
    assert snapshot.get("meta-data/public-keys/0/openssh-key") == b"ssh-ed25519 AAAA my-key\n"
    assert snapshot.get("meta-data/metrics/vhostmd") is None
    assert snapshot.get("user-data") == b"\x1f\x8b\x00"
    assert snapshot.unread == {"meta-data/busy": "HTTP 503"}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_file_is_read_in_any_encoding_of_json(encoding: str) -> None:
    content = json.dumps({"user-data": {"body": "größe"}}, ensure_ascii=False).encode(encoding)

    assert Snapshot.parse(content).get("user-data") == "größe".encode()


MALFORMED_ENTRIES: dict[str, tuple[str, Any, str]] = {
    "not an object": ("meta-data/x", "text", "not a JSON object"),
    "null": ("meta-data/x", None, "not a JSON object"),
    "empty": ("meta-data/x", {}, "takes one of body, body_b64"),
    "two bodies": ("meta-data/x", {"body": "", "body_b64": ""}, "takes one of body, body_b64"),
    "listing of a value": ("meta-data/x", {"listing": ""}, "takes one of body, body_b64"),
    "body of a directory": ("meta-data/x/", {"body": ""}, "takes one of body_b64, listing"),
    "body of the top directory": ("", {"body": ""}, "takes one of body_b64, listing"),
    "unknown key": ("meta-data/x", {"body": "", "bodi": ""}, "unknown key 'bodi'"),
    "number for text": ("meta-data/x", {"body": 5}, "body is not text"),
    "null for text": ("meta-data/x", {"body": None}, "body is not text"),
    "text for a number": ("meta-data/x", {"status": "404"}, "status is not a number"),
    "boolean for a number": ("meta-data/x", {"status": True}, "status is not a number"),
    "not base64": ("meta-data/x", {"body_b64": "?"}, "body_b64 is not base64"),
    "short base64": ("meta-data/x", {"body_b64": "AAA"}, "body_b64 is not base64"),
    "base64 in lines": ("meta-data/x", {"body_b64": "AAAA\nAAAA"}, "body_b64 is not base64"),
    "base64 that is not ASCII": ("meta-data/x", {"body_b64": "ä"}, "body_b64 is not base64"),
    "lone surrogate": ("meta-data/x", {"body": "\ud800"}, "surrogates not allowed"),
    "lone surrogate in a path": ("meta-data/\ud800", {"body": ""}, "surrogates not allowed"),
    "lone surrogate in a reason": ("meta-data/x", {"unread": "\ud800"}, "surrogates not allowed"),
    "whole URL path": ("/latest/meta-data/x", {"body": ""}, "a path starts after /latest/, without a slash"),
    "value and directory": ("user-data", {"body": ""}, "both a value and a directory"),
}


@pytest.mark.parametrize(("path", "entry", "reason"), MALFORMED_ENTRIES.values(), ids=MALFORMED_ENTRIES)
def test_malformed_entry_is_an_error_of_one_line_that_names_it(path: str, entry: object, reason: str) -> None:
    with pytest.raises(SnapshotError) as caught:
        parse({"a": {"body": "fine"}, path: entry, "user-data/x": {"body": "fine"}, "z": {"body": "fine"}})

    assert caught.value.entry == path
    assert str(caught.value).startswith(f"mine.json: entry {path!r}: ")
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"nonsense",
        b"[]",
        b"null",
        b'"text"',
        b"{}{}",
        b"{'a': 1}",
        b"\xff\xfe\xff",
        b'{"a": {"body": "\xff"}}',
        b'{"a": {"status": ' + 5000 * b"9" + b"}}",
        100_000 * b'{"a":',
    ],
    ids=lambda content: repr(content[:16]),
)
def test_file_that_is_not_a_snapshot_is_an_error_that_names_it(content: bytes) -> None:
    with pytest.raises(SnapshotError) as caught:
        Snapshot.parse(content, name="mine.json")

    assert str(caught.value).startswith("mine.json: ")
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    "content",
    [
        b'{"user-data": {"body": "PRIVATE',
        b'{"user-data": {"body": "PRIVATE\xff"}}',
        b'{"user-data": {"body": "PRIVATE\\ud800"}}',
        b'{"user-data": {"body_b64": "PRIVATE?"}}',
        b'{"user-data": {"body": ["PRIVATE"]}}',
        b'{"user-data": "PRIVATE"}',
        b'["PRIVATE"]',
    ],
)
def test_error_of_a_malformed_file_contains_no_body(content: bytes) -> None:
    with pytest.raises(SnapshotError) as caught:
        Snapshot.parse(content)

    printed = "".join(traceback.format_exception(type(caught.value), caught.value, caught.value.__traceback__))
    assert "PRIVATE" not in printed


def test_error_of_a_malformed_file_has_its_path_unchanged(tmp_path: Path) -> None:
    file = tmp_path / "mine.json"
    file.write_text("nonsense")

    with pytest.raises(SnapshotError) as caught:
        Snapshot.load(file)

    assert caught.value.file == str(file)


def test_missing_file_is_an_error_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Snapshot.load(tmp_path / "nowhere.json")


# Listings


def test_missing_listings_are_computed() -> None:
    snapshot = Snapshot({"meta-data/b/c/d": b"1", "meta-data/a": b"2", "user-data": b"3"})

    listings = {path: body for path, body in snapshot.bodies.items() if path.endswith("/") or not path}

    assert listings == {
        "": b"meta-data/\nuser-data",
        "meta-data/": b"a\nb/",
        "meta-data/b/": b"c/",
        "meta-data/b/c/": b"d",
    }


def test_computed_listing_is_in_byte_order() -> None:
    snapshot = Snapshot({f"meta-data/{name}": b"" for name in ["z", "é", "a/x", "a-b", "a.b", "A", "0"]})

    assert snapshot.get("meta-data/") == "0\nA\na-b\na.b\na/\nz\né".encode()


@pytest.mark.parametrize("kind", ["absent", "unread", "withheld"])
def test_computed_listing_contains_gaps(kind: Any) -> None:
    snapshot = Snapshot({"meta-data/a": b""}, {"meta-data/gone": Gap(kind), "meta-data/lost/": Gap(kind)})

    assert snapshot.get("meta-data/") == b"a\ngone\nlost/"


@pytest.mark.parametrize("listing", ["", "region\n\n", "zone", "no\nsuch\nnames/"])
def test_explicit_listing_overrides_the_computed_listing(listing: str) -> None:
    snapshot = parse({"meta-data/": {"listing": listing}, "meta-data/region": {"body": "us-east-1"}})

    assert snapshot.get("meta-data/") == listing.encode()


def test_directory_with_an_explicit_listing_is_in_the_listing_of_its_parent() -> None:
    assert parse({"meta-data/tags/instance/": {"listing": ""}}).get("meta-data/tags/") == b"instance/"


@pytest.mark.parametrize(("entry", "kind"), [({"status": 503}, UnreadError), ({"withheld": "x"}, WithheldError)])
def test_gap_of_a_directory_overrides_its_computed_listing(entry: dict[str, Any], kind: type[Exception]) -> None:
    snapshot = parse({"meta-data/placement/": entry, "meta-data/placement/region": {"body": "us-east-1"}})

    with pytest.raises(kind):
        snapshot.get("meta-data/placement/")
    assert snapshot.get("meta-data/placement/region") == b"us-east-1"


def test_absent_directory_keeps_the_paths_below_it() -> None:
    snapshot = parse({"meta-data/tags/": {"status": 404}, "meta-data/tags/instance/": {"listing": ""}})

    assert snapshot.get("meta-data/tags/") is None
    assert snapshot.get("meta-data/tags/instance/") == b""


def test_empty_snapshot_has_an_empty_top_listing() -> None:
    assert Snapshot({}).bodies == {"": b""}


def test_arguments_are_not_mutated() -> None:
    bodies, gaps = {"meta-data/a": b""}, {"meta-data/b": Gap("absent")}

    snapshot = Snapshot(bodies, gaps)
    snapshot.bodies["meta-data/c"] = b""
    snapshot.gaps["meta-data/d"] = Gap("absent")

    assert (bodies, gaps) == ({"meta-data/a": b""}, {"meta-data/b": Gap("absent")})


def test_children_of_a_listing_that_are_directories_end_in_a_slash() -> None:
    snapshot = Snapshot(
        {"meta-data/": b"future\nami-id\na/b", "meta-data/future/x": b"1", "meta-data/ami-id": b"ami-1"}
    )

    listing = snapshot.listing("meta-data/")

    assert listing.children == ["meta-data/future/", "meta-data/ami-id"]
    assert listing.unreachable == {"meta-data/a/b": "its name holds a slash"}


def test_given_listings_are_not_parsed_again() -> None:
    listing = Listing(["meta-data/a"], {})

    snapshot = Snapshot({"meta-data/": b"not read", "meta-data/a": b"1"}, listings={"meta-data/": listing})

    assert snapshot.listing("meta-data/") == listing


def test_unreachable_name_does_not_make_its_parent_a_directory() -> None:
    snapshot = Snapshot({"meta-data/": b"a/b/c"}, {"meta-data/a/b/c": Gap("unread", "its name holds a slash")})

    assert snapshot.bodies == {"": b"meta-data/", "meta-data/": b"a/b/c"}


# Answers


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("meta-data/region", b"us-east-1"),
        ("meta-data/region/", b"us-east-1"),
        ("meta-data/", b"region\ntags/"),
        ("meta-data", b"region\ntags/"),
        ("meta-data/tags/instance", b"Name"),
        ("meta-data/tags/instance/Name", b""),
        ("", b"meta-data/"),
        ("/", b"meta-data/"),
        ("meta-data/nowhere", None),
        ("meta-data/regio", None),
        ("meta-data/region/x", None),
        ("meta-data/region//", None),
    ],
)
def test_path_is_found_with_and_without_its_slash(path: str, body: bytes | None) -> None:
    snapshot = Snapshot({"meta-data/region": b"us-east-1", "meta-data/tags/instance/Name": b""})

    assert snapshot.get(path) == body


def test_absent_path_is_an_error_of_read() -> None:
    with pytest.raises(AbsentError, match=r"^meta-data/nowhere is absent: the service answers 404$"):
        Snapshot({}).read("meta-data/nowhere")


GAPPED = Snapshot(
    {"meta-data/whole/value": b"1"},
    {
        "meta-data/gone": Gap("absent"),
        "meta-data/lost": Gap("unread", "no answer within 1 s"),
        "meta-data/busy": Gap("unread", "HTTP 503", 503),
        "meta-data/secret": Gap("withheld", "user_data"),
        "meta-data/lost-directory/": Gap("unread", "HTTP 503", 503),
        "meta-data/secrets/": Gap("withheld", "iam_security_credentials"),
    },
)


def test_absent_path_is_returned_as_none() -> None:
    assert GAPPED.get("meta-data/gone") is None


@pytest.mark.parametrize(
    ("path", "reason", "status"),
    [("meta-data/lost", "no answer within 1 s", None), ("meta-data/busy", "HTTP 503", 503)],
)
@pytest.mark.parametrize("slash", ["", "/"])
def test_unread_path_is_an_error_with_its_reason(path: str, reason: str, status: int | None, slash: str) -> None:
    with pytest.raises(UnreadError) as caught:
        GAPPED.get(path + slash)

    assert (caught.value.path, caught.value.reason, caught.value.status) == (path, reason, status)


def test_withheld_path_is_an_error_that_says_how_to_include_it() -> None:
    with pytest.raises(WithheldError) as caught:
        GAPPED.get("meta-data/secret")

    assert (caught.value.path, caught.value.include) == ("meta-data/secret", "user_data")


@pytest.mark.parametrize("below", ["x", "x/", "x/y"])
def test_path_below_an_unread_directory_is_unread(below: str) -> None:
    with pytest.raises(UnreadError) as caught:
        GAPPED.get(f"meta-data/lost-directory/{below}")

    assert (caught.value.path, caught.value.status) == ("meta-data/lost-directory/", 503)


@pytest.mark.parametrize("below", ["x", "x/", "x/y"])
def test_path_below_an_unread_directory_that_was_listed_without_its_slash_is_unread(below: str) -> None:
    snapshot = Snapshot({"meta-data/": b"lost"}, {"meta-data/lost": Gap("unread", "HTTP 503", 503)})

    with pytest.raises(UnreadError) as caught:
        snapshot.get(f"meta-data/lost/{below}")

    assert (caught.value.path, caught.value.status) == ("meta-data/lost", 503)


@pytest.mark.parametrize("below", ["role", "role/", "x/y"])
def test_path_below_a_withheld_directory_is_withheld(below: str) -> None:
    with pytest.raises(WithheldError) as caught:
        GAPPED.get(f"meta-data/secrets/{below}")

    assert caught.value.include == "iam_security_credentials"


def test_value_that_was_withheld_from_a_snapshot_needs_another_snapshot() -> None:
    with pytest.raises(WithheldError, match="this snapshot lacks it: take another with --include iam_security_cred"):
        GAPPED.get("meta-data/secrets/role")


def test_path_missing_from_a_read_directory_is_absent() -> None:
    assert GAPPED.get("meta-data/whole/x") is None


def test_unread_lists_the_paths_that_could_not_be_read() -> None:
    assert GAPPED.unread == {
        "meta-data/busy": "HTTP 503",
        "meta-data/lost": "no answer within 1 s",
        "meta-data/lost-directory/": "HTTP 503",
    }


def test_path_redirected_to_a_directory_is_not_unread() -> None:
    snapshot = Snapshot({"meta-data/a/b": b"1"}, {"meta-data/a": Gap("unread", "HTTP 301", 301)})

    assert snapshot.unread == {}


@pytest.mark.parametrize(
    ("gap", "entry"),
    [
        (Gap("absent"), {"status": 404}),
        (Gap("unread", "HTTP 503", 503), {"status": 503, "unread": "HTTP 503"}),
        (Gap("unread", "no answer within 1 s"), {"unread": "no answer within 1 s"}),
        (Gap("withheld", "user_data"), {"withheld": "user_data"}),
    ],
)
def test_gap_is_an_entry(gap: Gap, entry: dict[str, Any]) -> None:
    entries = json.loads(Snapshot({"": b""}, {"meta-data/x": gap}).dump())

    assert entries["meta-data/x"] == entry


def test_directory_with_an_invalid_listing_is_unread_in_a_snapshot() -> None:
    content = b'{"meta-data/x/": {"listing": "a\\r\\nb"}, "meta-data/x/a": {"status": 503}}'

    snapshot = Snapshot.parse(content)

    with pytest.raises(UnreadError, match="it holds a carriage return"):
        snapshot.listing("meta-data/x/")


def test_repr_contains_only_the_instance_and_counts() -> None:
    snapshot = Snapshot(
        {"meta-data/instance-id": b"i-1234567890abcdef0", "user-data": b"secret"}, {"meta-data/mac": Gap("absent")}
    )

    assert repr(snapshot) == "<Snapshot of i-1234567890abcdef0: 4 bodies, 1 gaps>"
    assert repr(Snapshot({})) == "<Snapshot: 1 bodies, 0 gaps>"
    assert repr(Snapshot({"meta-data/instance-id": b"\x1b[2J\n"})).isprintable()


def test_name_of_a_snapshot_is_its_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.json"
    Snapshot({}).save(file)

    assert (Snapshot.load(file).name, Snapshot({}).name) == (str(file), "snapshot")
