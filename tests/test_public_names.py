"""Public names are those in an ``__all__``, and ``dir`` shows no others."""

from __future__ import annotations

import inspect
import os
import pydoc
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

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


@pytest.mark.parametrize("room", [room for room in ROOMS if "__dir__" in vars(import_module(room))])
def test_dir_shows_only_the_public_names(room: str) -> None:
    module = import_module(room)

    assert dir(module) == sorted(module.__all__)


def callables() -> Iterator[tuple[str, Callable[..., Any]]]:
    """Yield every function and method of the package's importable modules, with its full name."""
    for file in sorted(PACKAGE.rglob("*.py")):
        if "integrations" in file.parts:  # they need other packages
            continue
        module = import_module(".".join(("ec2facts", *file.relative_to(PACKAGE).with_suffix("").parts)))
        for value in vars(module).values():
            for each in [value, *(vars(value).values() if inspect.isclass(value) else [])]:
                if inspect.isfunction(each) and each.__module__ == module.__name__:
                    yield f"{each.__module__}.{each.__qualname__}", each


@pytest.mark.parametrize("function", [pytest.param(each, id=name) for name, each in dict(callables()).items()])
def test_no_default_holds_the_environment_or_other_live_data(function: Callable[..., Any]) -> None:
    defaults = [parameter.default for parameter in inspect.signature(function).parameters.values()]

    assert [each for each in defaults if each is os.environ or (isinstance(each, Mapping) and each)] == []


def test_help_of_the_client_does_not_print_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXAMPLE_SECRET", "the-secret")

    printed = pydoc.render_doc(import_module("ec2facts").IMDSClient)

    assert "the-secret" not in printed
