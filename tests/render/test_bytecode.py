from __future__ import annotations

from pathlib import Path

import jinja2
import pytest

from ec2facts.render.template import render_template

FACTS = {"tags": {"Name": "web-1"}}


@pytest.fixture
def template(tmp_path: Path) -> Path:
    file = tmp_path / "name.j2"
    file.write_text("{% if tags.Name %}\n  {{ tags.Name }}\n{% endif %}\n")
    return file


def test_template_is_compiled_once(template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = render_template(FACTS, template, compiled=tmp_path / "compiled")
    monkeypatch.delattr(jinja2.Environment, "compile")

    second = render_template({"tags": {"Name": "web-2"}}, template, compiled=tmp_path / "compiled")

    assert (first, second) == ("  web-1\n", "  web-2\n")


def test_changed_template_is_compiled_anew(template: Path, tmp_path: Path) -> None:
    render_template(FACTS, template, compiled=tmp_path / "compiled")
    template.write_text("{{ tags.Name }}!")

    assert render_template(FACTS, template, compiled=tmp_path / "compiled") == "web-1!"


def test_options_of_jinja_are_not_mixed_up(template: Path, tmp_path: Path) -> None:
    trimmed = render_template(FACTS, template, compiled=tmp_path / "compiled")

    whole = render_template(FACTS, template, compiled=tmp_path / "compiled", trim_blocks=False)

    assert whole != trimmed
    assert whole == render_template(FACTS, template, trim_blocks=False)


def test_directory_is_its_owner_s_alone(template: Path, tmp_path: Path) -> None:
    render_template(FACTS, template, compiled=tmp_path / "compiled")

    assert (tmp_path / "compiled").stat().st_mode & 0o777 == 0o700


def test_directory_that_is_open_to_others_is_not_used(template: Path, tmp_path: Path) -> None:
    (tmp_path / "compiled").mkdir(mode=0o755)

    render_template(FACTS, template, compiled=tmp_path / "compiled")

    assert list((tmp_path / "compiled").iterdir()) == []


def test_link_to_a_directory_is_not_used(template: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    (tmp_path / "compiled").symlink_to("elsewhere")

    render_template(FACTS, template, compiled=tmp_path / "compiled")

    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_what_was_kept_and_is_damaged_is_compiled_anew(template: Path, tmp_path: Path) -> None:
    first = render_template(FACTS, template, compiled=tmp_path / "compiled")
    for kept in (tmp_path / "compiled").iterdir():
        kept.write_bytes(kept.read_bytes()[:-20])

    assert render_template(FACTS, template, compiled=tmp_path / "compiled") == first


def test_place_that_is_no_directory_is_done_without(template: Path) -> None:
    assert render_template(FACTS, template, compiled=template / "compiled") == "  web-1\n"
