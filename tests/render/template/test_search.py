"""Templates are found by path and by name, and only where no other user can change them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import ec2facts
from ec2facts.errors import TemplateError
from ec2facts.render.template.environment import render_template, render_text
from ec2facts.render.template.search import (
    default_search_path,
    find_template,
    list_templates,
    packaged_template,
    packaged_templates,
)

UID = os.geteuid()


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Return a directory that holds app.conf.j2 and plain."""
    (tmp_path / "app.conf.j2").write_text("app")
    (tmp_path / "plain").write_text("plain")
    return tmp_path


def test_search_path_ends_with_the_shipped_templates() -> None:
    path = default_search_path({"HOME": "/home/me"}, uid=1000)

    assert path == [
        Path("templates"),
        Path("/home/me/.config/ec2facts/templates"),
        Path("/etc/ec2facts/templates"),
        packaged_templates(),
    ]


def test_root_does_not_search_the_working_directory() -> None:
    assert Path("templates") not in default_search_path({"HOME": "/root"}, uid=0)


def test_xdg_config_home_overrides_the_configuration_directory() -> None:
    path = default_search_path({"HOME": "/home/me", "XDG_CONFIG_HOME": "/x"}, uid=0)

    assert path[0] == Path("/x/ec2facts/templates")


@pytest.mark.parametrize("environ", [{}, {"HOME": ""}, {"XDG_CONFIG_HOME": "relative"}])
def test_search_path_without_home_has_no_user_directory(environ: dict[str, str]) -> None:
    path = default_search_path(environ, uid=0)

    assert path == [Path("/etc/ec2facts/templates"), packaged_templates()]


@pytest.mark.parametrize(
    ("name", "file"), [("app.conf", "app.conf.j2"), ("app.conf.j2", "app.conf.j2"), ("plain", "plain")]
)
def test_template_is_found_by_name_with_or_without_its_suffix(directory: Path, name: str, file: str) -> None:
    assert find_template(name, [Path("/nowhere"), directory]) == directory / file


def test_first_directory_of_the_search_path_wins(directory: Path) -> None:
    nearer = directory / "nearer"
    nearer.mkdir()
    (nearer / "plain").write_text("")

    assert find_template("plain", [nearer, directory]) == nearer / "plain"


@pytest.mark.parametrize("template", ["./plain", "sub/../plain", Path("plain")])
def test_path_is_not_searched_for(directory: Path, template: str | Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (directory / "sub").mkdir()
    monkeypatch.chdir(directory)

    assert find_template(template, []).samefile("plain")


@pytest.mark.parametrize("template", ["./app.conf", "/nowhere/a.j2", Path("app.conf")])
def test_path_without_a_file_is_an_error(
    directory: Path, template: str | Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(directory)

    with pytest.raises(TemplateError, match=f"^{template}: no such template"):
        find_template(template, [directory])


def test_file_in_the_working_directory_is_found_by_its_full_name(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(directory)

    assert find_template("app.conf.j2", [packaged_templates()]) == Path("app.conf.j2")
    assert find_template("plain", [packaged_templates()]) == Path("plain")


def test_file_without_suffix_does_not_hide_a_template(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    etc = directory / "etc"
    etc.mkdir()
    (etc / "app.conf").write_text("what app.conf.j2 is rendered to")
    monkeypatch.chdir(etc)

    assert find_template("app.conf", [directory]) == directory / "app.conf.j2"


def test_error_about_an_unknown_name_lists_the_searched_directories(directory: Path) -> None:
    with pytest.raises(TemplateError, match=f"no template 'nope' in /nowhere, {directory}$"):
        find_template("nope", [Path("/nowhere"), directory])


def test_world_writable_directory_is_refused(directory: Path) -> None:
    directory.chmod(0o777)

    with pytest.raises(TemplateError, match=r"everybody can write to .*, which belongs to"):
        find_template("plain", [directory])


def test_world_writable_working_directory_is_refused(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    directory.chmod(0o777)
    monkeypatch.chdir(directory)

    with pytest.raises(TemplateError, match=r"^plain: everybody can write .*, or give a path with a slash"):
        find_template("plain", [])
    assert find_template("./plain", []) == Path("plain")


@pytest.mark.skipif(UID != 0, reason="only root can give a directory away")
def test_directory_of_another_user_is_refused(directory: Path) -> None:
    os.chown(directory, 12345, -1)

    with pytest.raises(TemplateError, match=r"belongs to user 12345, who can change it: .*, or give a path with"):
        find_template("plain", [directory])


@pytest.mark.skipif(UID != 0, reason="only root can give a file away")
def test_template_of_another_user_in_a_shared_directory_is_refused(directory: Path) -> None:
    directory.chmod(0o1777)
    os.chown(directory / "plain", 12345, -1)

    with pytest.raises(TemplateError, match="plain belongs to user 12345"):
        find_template("plain", [directory])


def test_include_from_a_world_writable_directory_is_refused(directory: Path) -> None:
    (directory / "outer.j2").write_text("{% include 'plain' %}")
    directory.chmod(0o777)

    with pytest.raises(TemplateError, match="plain: everybody can write"):
        render_template({}, directory / "outer.j2")


@pytest.mark.skipif(UID != 0, reason="only root can give a file away")
def test_include_beside_a_template_of_the_same_owner_is_rendered(directory: Path) -> None:
    outer = directory / "outer.j2"
    outer.write_text("{% include 'plain' %}")
    for path in (directory, outer):
        os.chown(path, 12345, -1)

    assert render_template({}, outer) == "plain"


def test_shipped_templates_are_found_in_a_checkout() -> None:
    assert packaged_templates() == Path(ec2facts.__file__).parent.parent / "templates"


def test_shipped_templates_are_found_in_an_install(tmp_path: Path) -> None:
    installed = tmp_path / "ec2facts"
    shutil.copytree(Path(ec2facts.__file__).parent, installed, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(packaged_templates(), installed / "templates")
    program = "from ec2facts.render.template.search import packaged_templates; print(packaged_templates())"
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}

    printed = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    ).stdout

    assert printed == f"{installed}/templates\n"


def test_shipped_templates_describe_themselves() -> None:
    templates = list_templates()

    assert {"app.ini.j2", "motd.j2", "nginx-ec2.conf.j2"} <= {template.name for template in templates}
    assert all(template.sentence.endswith(".") and template.checked_by for template in templates)


def test_units_and_scripts_ship_beside_the_templates() -> None:
    checked_by = {template.name: template.checked_by for template in list_templates()}

    assert checked_by["ec2facts.service"] == "systemd-analyze verify, systemd"
    assert checked_by["ec2facts.facter"] == "facter, puppet"  # after the shebang


@pytest.mark.parametrize(
    ("name", "file"), [("motd", "motd.j2"), ("motd.j2", "motd.j2"), ("ec2facts.timer", "ec2facts.timer")]
)
def test_shipped_template_is_found_by_name(name: str, file: str) -> None:
    assert packaged_template(name) == packaged_templates() / file


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("nginx.conf", "did you mean 'nginx-ec2.conf'"),
        ("?", "`ec2facts templates` lists them"),
        ("../README.md", ""),
    ],
)
def test_unknown_name_of_a_shipped_template_is_an_error(name: str, advice: str) -> None:
    with pytest.raises(TemplateError, match=f"^no shipped template '{re.escape(name)}' .*{re.escape(advice)}"):
        packaged_template(name)


def test_shipped_template_is_included_by_name() -> None:
    assert "[instance]\nid = i-0abc\n" in render_text({"instance_id": "i-0abc"}, "{% include 'app.ini' %}")
