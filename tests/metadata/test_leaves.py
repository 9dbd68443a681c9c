from __future__ import annotations

import threading
from collections.abc import Mapping

import pytest

from ec2facts.errors import AbsentError, DecodeError
from ec2facts.metadata import EC2Metadata, InstanceTags
from ec2facts.metadata.decoders import integer
from ec2facts.metadata.leaves import Leaves
from tests.metadata.test_attributes import Recorder

TAGS = "meta-data/tags/instance/"


@pytest.fixture
def recorder() -> Recorder:
    return Recorder({f"{TAGS}Name": b"web 1", f"{TAGS}a.b": b"", f"{TAGS}aws:x": b" y\n", f"{TAGS}binary": b"\xff"})


@pytest.fixture
def tags(recorder: Recorder) -> InstanceTags:
    return InstanceTags(["Name", "aws:x", "a.b", "gone", "binary"], EC2Metadata(source=recorder))


def test_names_are_known_without_a_request(tags: InstanceTags, recorder: Recorder) -> None:
    assert list(tags) == ["Name", "aws:x", "a.b", "gone", "binary"]
    assert list(tags.keys()) == list(tags)
    assert len(tags) == 5
    assert "gone" in tags
    assert "Nobody" not in tags
    assert recorder.asked == []


def test_value_is_read_once_when_it_is_asked_for(tags: InstanceTags, recorder: Recorder) -> None:
    values = tags["Name"], tags.get("Name"), tags["aws:x"], tags["a.b"]

    assert values == ("web 1", "web 1", " y\n", "")
    assert recorder.asked == [f"{TAGS}Name", f"{TAGS}aws:x", f"{TAGS}a.b"]


def test_name_that_is_not_listed_is_a_key_error_without_a_request(tags: InstanceTags, recorder: Recorder) -> None:
    with pytest.raises(KeyError, match=r"^'Nobody'$"):
        tags["Nobody"]

    assert tags.get("Nobody", "default") == "default"
    assert recorder.asked == []


def test_value_that_is_listed_and_gone_is_absent(tags: InstanceTags) -> None:
    with pytest.raises(AbsentError, match=f"{TAGS}gone is absent"):
        tags["gone"]


def test_value_that_cannot_be_decoded_names_its_path(tags: InstanceTags) -> None:
    with pytest.raises(DecodeError, match=f"{TAGS}binary could not be read: not UTF-8"):
        tags["binary"]


def test_value_that_failed_is_read_again(tags: InstanceTags, recorder: Recorder) -> None:
    with pytest.raises(AbsentError):
        tags["gone"]

    recorder.bodies[f"{TAGS}gone"] = b"back"

    assert tags["gone"] == "back"


def test_tags_are_a_mapping_equal_to_a_dict_of_the_same(recorder: Recorder) -> None:
    tags = InstanceTags(["Name", "a.b"], EC2Metadata(source=recorder))

    assert isinstance(tags, Mapping)
    assert tags == {"Name": "web 1", "a.b": ""}
    assert {**tags} == {"Name": "web 1", "a.b": ""}


def test_name_that_is_listed_twice_is_one(recorder: Recorder) -> None:
    assert list(InstanceTags(["Name", "a.b", "Name"], EC2Metadata(source=recorder))) == ["Name", "a.b"]


def test_tags_named_as_methods_are_tags() -> None:
    recorder = Recorder({f"{TAGS}{name}": name.encode() for name in ("items", "keys", "get", "parent")})

    tags = InstanceTags(["items", "keys", "get", "parent"], EC2Metadata(source=recorder))

    assert dict(tags) == {name: name for name in tags}


def test_values_of_other_directories_have_their_decoder() -> None:
    parent = EC2Metadata(source=Recorder({"depths/Bocca": b"200"}))

    assert dict(Leaves("depths/", integer, ["Bocca"], parent)) == {"Bocca": 200}


def test_value_that_was_read_is_had_while_another_thread_reads(tags: InstanceTags) -> None:
    _ = tags["Name"]
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with tags.parent.lock:
            held.set()
            done.wait(5)

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait(5)
    value, still_held = tags["Name"], holder.is_alive()
    done.set()
    holder.join()

    assert (value, still_held) == ("web 1", True)
