"""Facts in, text out. Renderers are pure; each imports what it needs when it is first asked for."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

from ec2facts.errors import UsageError

if TYPE_CHECKING:
    from ec2facts.render.env import render_env
    from ec2facts.render.json import render_json
    from ec2facts.render.template import render_template
    from ec2facts.render.yaml import render_yaml

__all__ = ["TREE_FORMATS", "render_env", "render_json", "render_template", "render_tree", "render_yaml"]

TREE_FORMATS = ("json", "yaml")
"""The formats that hold all facts without loss."""


def render_tree(facts: Mapping[str, Any], format: str) -> str:  # noqa: A002
    """Return the facts in one of TREE_FORMATS; raise UsageError for another."""
    if format not in TREE_FORMATS:
        raise UsageError(f"no format {format!r}, choose from {', '.join(TREE_FORMATS)}")
    text: str = __getattr__(f"render_{format}")(facts)
    return text


def __getattr__(name: str) -> Any:
    _, prefix, module = name.partition("render_")
    if name in __all__ and prefix:
        return getattr(import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
