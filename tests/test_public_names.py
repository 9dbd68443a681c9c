"""What is public: the names in an ``__all__``, and nothing else that ``dir`` shows."""

from __future__ import annotations

import inspect
from importlib import import_module
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "ec2facts"
ROOMS = [
    ".".join(("ec2facts", *file.parent.relative_to(PACKAGE).parts))
    for file in sorted(PACKAGE.rglob("__init__.py"))
    if "\n__all__ = " in file.read_text(encoding="utf-8")
]
NAMES = [(room, name) for room in ROOMS for name in import_module(room).__all__]


@pytest.mark.parametrize("room", ROOMS)
def test_public_names_are_listed_once_and_in_order(room: str) -> None:
    names = import_module(room).__all__

    assert names == sorted(set(names), key=lambda name: (not name.isupper(), not name[0].isupper(), name))


@pytest.mark.parametrize(("room", "name"), NAMES)
def test_public_name_can_be_imported_and_is_documented(room: str, name: str) -> None:
    value = getattr(import_module(room), name)

    assert not callable(value) or inspect.getdoc(value)


@pytest.mark.parametrize("room", ["ec2facts", "ec2facts.render"])
def test_dir_shows_the_public_names_alone(room: str) -> None:
    module = import_module(room)

    assert dir(module) == sorted(module.__all__)


def test_lazy_names_are_the_public_ones() -> None:
    for room in ("ec2facts", "ec2facts.render"):
        module = import_module(room)
        lazy = module._MODULES
        names = [name for names in lazy.values() for name in names] if room == "ec2facts" else list(lazy)

        assert sorted(names) == sorted(module.__all__)


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'ec2facts' has no attribute 'regoin'"):
        import_module("ec2facts").regoin  # noqa: B018 (the access raises)
