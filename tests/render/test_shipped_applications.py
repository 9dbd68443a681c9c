"""The templates for applications, each read by the library that applications use."""

from __future__ import annotations

import configparser
import json
from pathlib import Path
from typing import Any

import dotenv
import pytest
from hypothesis import example, given

from tests.fuzzing import examples
from tests.render.shipped import every_facts, identities, render, render_or_refuse, tags


def read_ini(file: Path, printed: str) -> configparser.ConfigParser:
    """Read a text with configparser."""
    file.write_bytes(printed.encode())
    settings = configparser.ConfigParser()
    settings.read(file, encoding="utf-8")
    return settings


def read_dotenv(file: Path, printed: str) -> dict[str, str | None]:
    """Read a text with python-dotenv."""
    file.write_bytes(printed.encode())
    return dotenv.dotenv_values(file)


@every_facts
def test_configparser_reads_the_settings_of_an_application(everything: dict[str, Any], tmp_path: Path) -> None:
    settings = read_ini(tmp_path / "app.ini", render("app.ini.j2", everything))

    assert settings.sections() == ["instance", "network", "tags"]
    assert settings["instance"].get("id") == everything.get("instance_id")
    assert settings["network"].get("private_ipv4") == everything.get("private_ipv4")
    assert json.loads(settings["tags"].get("json", "null")) == everything.get("tags")


@examples(15)
@given(chosen=tags)
def test_configparser_reads_the_tags_and_nothing_else(
    chosen: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    read = read_ini(tmp_path_factory.getbasetemp() / "app.ini", render("app.ini.j2", {"tags": chosen}))

    assert {section: list(read[section]) for section in read.sections()} == {
        "instance": [],
        "network": [],
        "tags": ["json"],
    }
    assert json.loads(read["tags"]["json"]) == chosen


@examples(15)
@given(identity=identities)
@example(identity={"instance_id": "100%", "region": "%(home)s"})
def test_configparser_reads_hostile_facts_unchanged(
    identity: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    options = {"id": "instance_id", "type": "instance_type", "image": "ami_id", "account": "account_id"}
    options.update(region="region", availability_zone="availability_zone")
    printed = render_or_refuse("app.ini.j2", identity)
    if printed is None:
        return

    read = read_ini(tmp_path_factory.getbasetemp() / "app.ini", printed)

    assert dict(read["instance"]) == {name: identity[fact] for name, fact in options.items() if fact in identity}


@every_facts
def test_dotenv_reads_the_settings_of_an_application(everything: dict[str, Any], tmp_path: Path) -> None:
    read = read_dotenv(tmp_path / ".env", render("app.env.j2", everything))

    assert read.get("EC2_INSTANCE_ID") == everything.get("instance_id")
    assert read.get("EC2_ACCOUNT_ID") == everything.get("account_id")
    assert json.loads(read.get("EC2_TAGS") or "null") == everything.get("tags")


@examples(15)
@given(chosen=tags)
def test_dotenv_reads_the_tags_and_nothing_else(
    chosen: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    read = read_dotenv(tmp_path_factory.getbasetemp() / ".env", render("app.env.j2", {"tags": chosen}))

    assert list(read) == ["EC2_TAGS"]
    assert json.loads(read["EC2_TAGS"] or "") == chosen


@examples(15)
@given(identity=identities)
def test_dotenv_reads_hostile_facts_unchanged(
    identity: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    printed = render_or_refuse("app.env.j2", identity)
    if printed is None:
        return

    read = read_dotenv(tmp_path_factory.getbasetemp() / ".env", printed)

    assert read == {f"EC2_{name.upper()}": value for name, value in identity.items()}
