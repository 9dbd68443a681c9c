from __future__ import annotations

import sys
from types import ModuleType

import pytest

from ec2facts.lazy import lazy_names


def test_module_is_imported_when_its_name_is_first_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "package", ModuleType("package"))
    get, _ = lazy_names("package", {"module": ["name"]})
    module = ModuleType("package.module")
    monkeypatch.setitem(sys.modules, "package.module", module)
    vars(module)["name"] = "value"

    assert get("name") == "value"
    assert vars(sys.modules["package"])["name"] == "value"


def test_unknown_name_is_an_attribute_error() -> None:
    get, _ = lazy_names("package", {"module": ["region"]})

    with pytest.raises(AttributeError, match="module 'package' has no attribute 'regoin'"):
        get("regoin")


def test_dir_lists_the_public_names() -> None:
    _, names = lazy_names("package", {"b": ["second", "first"], "a": ["third"]})

    assert names() == ["first", "second", "third"]
