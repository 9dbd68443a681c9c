"""The shipped plugin, run by the real Ohai."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from ec2facts import facts, instances
from ec2facts.collection.facts import TREE
from ec2facts.render.template.search import packaged_templates
from tests.integrations.engines.address import run_off, run_on


@pytest.fixture
def ohai(program: Callable[..., str], tmp_path: Path) -> list[str]:
    (tmp_path / "ec2facts.rb").write_bytes((packaged_templates() / "ec2facts.rb").read_bytes())
    return [program("ohai"), "--directory", str(tmp_path)]


@pytest.mark.parametrize("instance", ["plain", "busy", "awkward"])
def test_ohai_returns_the_facts(instance: str, ohai: list[str]) -> None:
    done = run_on(instance, *ohai, "ec2facts")

    expected = facts(instances.load(instance))
    assert json.loads(done.stdout) == {name: expected[name] for name in expected if name not in TREE}


def test_ohai_has_no_attribute_and_no_message_without_a_service(ohai: list[str]) -> None:
    done = run_off(*ohai)

    assert {"platform", "ec2facts"} & json.loads(done.stdout).keys() == {"platform"}
    assert "ec2facts" not in done.stderr
