"""Tests for every shipped template; the other test_shipped_*.py run the programs that read them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from ec2facts.render.template.search import list_templates
from tests.fuzzing import examples
from tests.render.shipped import HOSTILE, every_facts, render, render_or_refuse, tags

NAMES = [template.name for template in list_templates()]

every_template = pytest.mark.parametrize("name", NAMES)


@every_facts
@every_template
def test_template_prints_whole_lines_for_every_instance(name: str, everything: dict[str, Any]) -> None:
    printed = render(name, everything)

    assert not printed or printed.endswith("\n")


@every_template
def test_order_of_tags_does_not_change_the_output(name: str) -> None:
    backwards = {**HOSTILE, "tags": dict(reversed(HOSTILE["tags"].items()))}

    assert render(name, backwards) == render(name, HOSTILE)


@every_template
@examples(8)
@given(chosen=tags)
def test_template_renders_or_refuses_hostile_tags(name: str, chosen: dict[str, str]) -> None:
    printed = render_or_refuse(name, {**HOSTILE, "tags": chosen})

    assert printed is None or printed.endswith("\n")
