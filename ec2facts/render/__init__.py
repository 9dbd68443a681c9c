"""Renderers: pure functions from facts to text. Each is imported when it is first used."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ec2facts.render.env import render_env
    from ec2facts.render.template.environment import render_template, render_text
    from ec2facts.render.template.search import list_templates
    from ec2facts.render.tree import render_json, render_tree, render_yaml

__all__ = [
    "list_templates",
    "render_env",
    "render_json",
    "render_template",
    "render_text",
    "render_tree",
    "render_yaml",
]

_MODULES = {
    "list_templates": "template.search",
    "render_env": "env",
    "render_json": "tree",
    "render_template": "template.environment",
    "render_text": "template.environment",
    "render_tree": "tree",
    "render_yaml": "tree",
}


if not TYPE_CHECKING:  # a type checker would take every misspelled name for one that this function finds

    def __getattr__(name: str) -> Any:
        if name in _MODULES:
            return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
