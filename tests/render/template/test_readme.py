"""The examples in the README of templates render."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ec2facts import facts, instances
from ec2facts.render.template import environment
from ec2facts.render.template.environment import render_template, render_text

FILTERS = (Path(environment.__file__).parent.parent / "filters/README.md").read_text(encoding="utf-8")
README = (Path(environment.__file__).parent / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", instances.names())
def test_readme_example_of_a_changed_value_renders(name: str) -> None:
    (example,) = re.findall(r"^```jinja\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    everything = facts(instances.load(name))
    printed = render_text(everything, example)

    assert printed == " ".join(everything["network_interfaces"]) + "\n"


def test_readme_example_of_an_indented_include_renders(tmp_path: Path) -> None:
    (example,) = re.findall(r"`(\{% filter indent.*?endfilter %\})`", README)
    (tmp_path / "server.conf.j2").write_text("a:\n  b\n")

    assert render_text({}, f"x\n{example}\ny\n", search_path=[tmp_path]) == "x\n  a:\n    b\ny\n"


def test_readme_example_of_a_default_renders() -> None:
    (example,) = re.findall(r"`(\{\{ tags\.Team.*?\}\})`", README)

    assert render_text({"tags": {}}, example) == "none"


def test_readme_example_of_a_header_renders(tmp_path: Path) -> None:
    (header,) = re.findall(r"`(#jinja2: trim_blocks: true, [^`]*)`", README)
    template = tmp_path / "a.j2"
    template.write_text(f"{header}\n  {{% if true %}}yes{{% endif %}}\nno\n")

    assert render_template({}, template) == "  yesno\n"


@pytest.mark.parametrize("condition", re.findall(r"`([^` ][^`]* is (?:match|contains|version)\([^`]*\))`", FILTERS))
def test_readme_example_of_a_jinja_test_is_true(condition: str) -> None:
    assert render_text({}, f"{{{{ {condition} }}}}") == "True"
