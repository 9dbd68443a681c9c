from __future__ import annotations

import os
import threading
import traceback
from collections.abc import Callable

import pytest

from ec2facts.errors import AbsentError, DecodeError, UnreadError
from ec2facts.imds.source import Source
from ec2facts.metadata.decoders import integer, lines, text
from ec2facts.metadata.descriptor import Attribute, Resource, attribute, attributes, decoding


class Recorder:
    """A source that records the requested paths."""

    def __init__(self, bodies: dict[str, bytes]) -> None:
        self.bodies = bodies
        self.asked: list[str] = []

    def get(self, path: str, /) -> bytes | None:
        self.asked.append(path)
        return self.bodies.get(path)


class Volcano(Resource):
    directory = "volcano/"

    def __init__(self, **bodies: bytes) -> None:
        super().__init__()
        self.recorder = Recorder({f"volcano/{name}": body for name, body in bodies.items()})

    @property
    def source(self) -> Source:
        return self.recorder

    @attribute("name", text)
    def name(self) -> str:
        """Name."""

    @attribute("height", integer)
    def height(self) -> int:
        """Height above sea level in metres."""

    @attribute("eruption", text, when_absent=None)
    def last_eruption(self) -> str | None:
        """Time of the last eruption."""

    @attribute("craters", lines, when_absent=list)
    def craters(self) -> list[str]:
        """Names of the craters."""

    @attribute("mood", text, when_absent=None, cached=False)
    def mood(self) -> str | None:
        """Current mood."""

    @attribute("height", cached=False)
    def feet(self) -> int:
        """Height above sea level in feet."""
        return round(self.height / 0.3048)

    @attribute("depths/", needs=craters)
    def depths(self) -> dict[str, int]:
        """Depth of each crater."""
        return {crater: self.fetch(crater, integer) for crater in self.craters}

    @attribute("label", when_absent=None)
    def label(self) -> str | None:
        """Label on the map."""
        if not self.name:
            raise ValueError("it has no name")
        return self.fetch("label", text)


class Stratovolcano(Volcano):
    @attribute("summit", integer)
    def height(self) -> int:
        """Height of the summit in metres."""

    @attribute("slope", integer)
    def slope(self) -> int:
        """Slope in degrees."""


def test_attribute_is_read_below_the_resource_s_directory_and_decoded() -> None:
    volcano = Volcano(height=b"1281")

    assert volcano.height == 1281
    assert volcano.recorder.asked == ["volcano/height"]


def test_cached_attribute_is_read_once() -> None:
    volcano = Volcano(name=b"Vesuvius")

    values = volcano.name, volcano.name

    assert values == ("Vesuvius", "Vesuvius")
    assert volcano.recorder.asked == ["volcano/name"]


def test_uncached_attribute_is_read_at_each_use() -> None:
    volcano = Volcano(mood=b"calm")

    before = volcano.mood
    volcano.recorder.bodies.clear()
    after = volcano.mood

    assert (before, after) == ("calm", None)


def test_error_of_an_absent_attribute_has_its_path() -> None:
    with pytest.raises(AbsentError) as caught:
        _ = Volcano().name

    assert caught.value.path == "volcano/name"


def test_absent_attribute_yields_its_default_and_is_requested_once() -> None:
    volcano = Volcano()

    values = [(volcano.last_eruption, volcano.craters) for _ in range(2)]

    assert values == [(None, []), (None, [])]
    assert volcano.recorder.asked == ["volcano/eruption", "volcano/craters"]


def test_default_is_created_for_each_resource() -> None:
    Volcano().craters.append("Gran Cono")

    assert Volcano().craters == []


def test_absent_attribute_without_a_default_is_requested_again() -> None:
    volcano = Volcano()
    with pytest.raises(AbsentError):
        _ = volcano.name

    volcano.recorder.bodies["volcano/name"] = b"Vesuvius"

    assert volcano.name == "Vesuvius"


def test_deleted_value_is_read_again() -> None:
    volcano = Volcano(name=b"Vesuvius")
    _ = volcano.name

    del volcano.name
    volcano.recorder.bodies["volcano/name"] = b"Etna"

    assert volcano.name == "Etna"


@pytest.mark.parametrize("name", ["name", "mood", "feet", "depths"])
def test_value_that_was_never_read_cannot_be_deleted(name: str) -> None:
    with pytest.raises(AttributeError, match=name):
        delattr(Volcano(), name)


def test_assigned_value_is_returned_without_a_request() -> None:
    volcano = Volcano()

    volcano.name = "Etna"

    assert volcano.name == "Etna"
    assert volcano.recorder.asked == []


def test_cleared_resource_reads_every_cached_value_again() -> None:
    volcano = Stratovolcano(name=b"Vesuvius", summit=b"1281")
    _ = volcano.name, volcano.height, volcano.craters

    volcano.clear_all()
    _ = volcano.name, volcano.height, volcano.craters

    assert volcano.recorder.asked == 2 * ["volcano/name", "volcano/summit", "volcano/craters"]


def test_unused_resource_can_be_cleared() -> None:
    volcano = Volcano()

    volcano.clear_all()

    assert volcano.recorder.asked == []


@pytest.mark.parametrize(
    "read", [lambda v: v.height, lambda v: Volcano.height.require(v), lambda v: v.feet, lambda v: v.fetch("x", integer)]
)
def test_malformed_body_is_a_decode_error_that_does_not_quote_it(read: Callable[[Volcano], int]) -> None:
    volcano = Volcano(height=b"s3cret", x=b"s3cret")

    with pytest.raises(DecodeError, match=r"volcano/.* could not be read: not a decimal number") as caught:
        read(volcano)

    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, UnreadError)
    assert "s3cret" not in "".join(traceback.format_exception(None, caught.value, None))


def test_error_is_not_cached() -> None:
    volcano = Volcano(height=b"high")
    with pytest.raises(DecodeError):
        _ = volcano.height

    volcano.recorder.bodies["volcano/height"] = b"1281"

    assert volcano.height == 1281


def test_deliberate_error_of_a_decoder_is_raised_unchanged() -> None:
    error = DecodeError("elsewhere", "not UTF-8")

    with pytest.raises(DecodeError) as caught, decoding("here"):
        raise error

    assert caught.value is error


def test_derived_attribute_is_computed_from_others() -> None:
    volcano = Volcano(height=b"1281")

    assert volcano.feet == 4203
    assert Volcano.feet.__doc__ == "Height above sea level in feet."


def test_uncached_derived_attribute_follows_its_inputs() -> None:
    volcano = Volcano(height=b"1281")
    before = volcano.feet

    volcano.height = 3357

    assert (before, volcano.feet) == (4203, 11014)


def test_derived_attribute_that_cannot_be_computed_is_a_decode_error_about_its_path() -> None:
    with pytest.raises(DecodeError, match="volcano/label could not be read: it has no name"):
        _ = Volcano(name=b"").label


def test_derived_attribute_yields_its_default_if_its_path_is_absent() -> None:
    assert Volcano(name=b"Vesuvius").label is None


def test_derived_attribute_raises_for_an_absent_path() -> None:
    with pytest.raises(AbsentError, match="volcano/Bocca"):
        _ = Volcano(craters=b"Voragine\nBocca", Voragine=b"200").depths


@pytest.mark.parametrize("name", ["name", "last_eruption", "craters", "mood", "depths", "label"])
def test_requiring_an_absent_attribute_raises_despite_its_default(name: str) -> None:
    volcano = Volcano()
    attribute = attributes(Volcano)[name]

    for _ in range(2):
        with pytest.raises(AbsentError):
            attribute.require(volcano)


def test_requiring_a_present_attribute_reads_it() -> None:
    volcano = Volcano(name=b"Etna", craters=b"Bocca\nVoragine", mood=b"calm", Bocca=b"1", Voragine=b"2", label=b"!")

    values = {name: attributes(Volcano)[name].require(volcano) for name in ("name", "craters", "mood", "depths")}

    assert values == {
        "name": "Etna",
        "craters": ["Bocca", "Voragine"],
        "mood": "calm",
        "depths": {"Bocca": 1, "Voragine": 2},
    }
    assert volcano.recorder.asked.count("volcano/craters") == 1


def test_attribute_that_becomes_present_can_be_required_after_clear_all() -> None:
    volcano = Volcano()
    _ = volcano.craters

    volcano.recorder.bodies["volcano/craters"] = b"Bocca"
    volcano.clear_all()

    assert Volcano.craters.require(volcano) == ["Bocca"]


def test_requiring_an_absent_attribute_repeatedly_uses_constant_memory() -> None:
    volcano = Volcano()
    depths = []
    for _ in range(3):
        with pytest.raises(AbsentError) as caught:
            Volcano.craters.require(volcano)
        depths.append(len(traceback.extract_tb(caught.tb)))

    assert depths[1] == depths[2]


def test_read_bypasses_the_cache_and_does_not_change_it() -> None:
    volcano = Volcano(name=b"Vesuvius")
    _ = volcano.name
    volcano.recorder.bodies["volcano/name"] = b"Etna"

    assert (Volcano.name.read(volcano), volcano.name) == ("Etna", "Vesuvius")


def test_attribute_that_a_subclass_overrides_keeps_its_position() -> None:
    assert list(attributes(Volcano)) == [
        "name",
        "height",
        "last_eruption",
        "craters",
        "mood",
        "feet",
        "depths",
        "label",
    ]
    assert list(attributes(Stratovolcano)) == [*attributes(Volcano), "slope"]
    assert attributes(Stratovolcano)["height"].path == "summit"


def test_attribute_on_the_class_is_the_declaration() -> None:
    assert isinstance(Volcano.name, Attribute)
    assert (Volcano.name.name, Volcano.name.path, Volcano.name.__doc__) == ("name", "name", "Name.")


def test_type_is_the_return_type_of_the_method() -> None:
    types = {name: each.type_name for name, each in attributes(Volcano).items()}

    assert types == {
        "name": "str",
        "height": "int",
        "last_eruption": "str | None",
        "craters": "list[str]",
        "mood": "str | None",
        "feet": "int",
        "depths": "dict[str, int]",
        "label": "str | None",
    }


def test_cached_value_is_read_while_another_thread_holds_the_lock() -> None:
    volcano = Volcano(name=b"Vesuvius")
    _ = volcano.name
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with volcano.lock:
            held.set()
            done.wait(5)

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait(5)
    value, still_held = volcano.name, holder.is_alive()
    done.set()
    holder.join()

    assert (value, still_held) == ("Vesuvius", True)


def test_forked_process_has_its_own_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    volcano = Volcano()
    lock = volcano.lock

    assert volcano.lock is lock
    monkeypatch.setattr(os, "getpid", lambda: -1)
    assert volcano.lock is not lock
