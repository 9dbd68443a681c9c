from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ec2facts.apply.outputs import Output
from ec2facts.apply.watched_names import names_watched
from ec2facts.install.file import File


def output(place: Path, **fields: Any) -> Output:
    return Output(File(place / "x"))._replace(search_path=(place,), base=place, **fields)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("{{ region }} {% for k in tags %}{{ k }}{% endfor %}", {"region", "tags"}),
        ("{# a comment about ipv6 #}{{ region }}", {"region", "ipv6"}),
        ("{% include 'other' %}", {"ipv6"}),
        ('{%- import "other" as o %}{{ mac }}', {"ipv6", "mac"}),
        ("{% from 'other' import m %}{{ mac }}", {"ipv6", "mac"}),
        ("{% extends 'other' %}", {"ipv6"}),
        ("{% include 'loop' %}", set()),
        ("{{ facts.region }}", None),
        ("{{ meta_data['ami-id'] }}", None),
        ("{% include name %}", None),
        ("{% include ['other', 'more'] %}", None),
        ("{% include 'missing' %}", None),
    ],
)
def test_template_uses_the_facts_that_it_names(tmp_path: Path, text: str, names: set[str] | None) -> None:
    (tmp_path / "t.j2").write_text(text)
    (tmp_path / "other.j2").write_text("{{ ipv6 }}")
    (tmp_path / "loop.j2").write_text("{% include 'loop' %}")

    assert names_watched(output(tmp_path, template="t")) == names


def test_missing_template_can_use_any_fact(tmp_path: Path) -> None:
    assert names_watched(output(tmp_path, template="missing")) is None


def test_expressions_use_the_facts_that_they_name(tmp_path: Path) -> None:
    (tmp_path / "t.j2").write_text("{{ item }}")
    expressions = {"for_each": "tags", "when": "spot_instance_action is defined", "path": "{{ region }}"}

    assert names_watched(output(tmp_path, template="t", **expressions)) == {"tags", "spot_instance_action", "region"}
    assert names_watched(output(tmp_path, only=("mac",), when="ipv6 is defined")) == {"mac", "ipv6"}


def test_format_without_globs_uses_every_fact(tmp_path: Path) -> None:
    assert names_watched(output(tmp_path)) is None


def test_directory_uses_the_facts_of_its_templates(tmp_path: Path) -> None:
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "a/b/t.j2").write_text("{{ tags }}")
    (tmp_path / "a/plain").write_text("region")

    assert names_watched(output(tmp_path, directory=tmp_path / "a")) == {"tags"}
