"""Renderers: pure functions from facts to text. Each is imported when it is first used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ec2facts.lazy import lazy_names

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

if not TYPE_CHECKING:  # a type checker would accept every misspelled name
    __getattr__, __dir__ = lazy_names(
        __name__,
        {
            "template.search": ["list_templates"],
            "env": ["render_env"],
            "tree": ["render_json", "render_tree", "render_yaml"],
            "template.environment": ["render_template", "render_text"],
        },
    )
