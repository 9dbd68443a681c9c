"""The shipped external fact, read by the real Facter and Puppet."""

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
def directory(tmp_path: Path) -> Path:
    """Return a directory that holds the shipped external fact."""
    (tmp_path / "facts.d").mkdir()
    fact = tmp_path / "facts.d/ec2facts.sh"
    fact.write_bytes((packaged_templates() / "ec2facts.facter").read_bytes())
    fact.chmod(0o755)
    return fact.parent


@pytest.fixture
def facter(program: Callable[..., str], directory: Path) -> list[str]:
    return [program("facter"), "--external-dir", str(directory), "--json"]


@pytest.mark.parametrize("instance", ["plain", "busy", "xen"])
def test_facter_returns_the_facts_nested_and_typed(instance: str, facter: list[str]) -> None:
    done = run_on(instance, *facter, "ec2facts")

    expected = facts(instances.load(instance))
    assert json.loads(done.stdout) == {"ec2facts": {name: expected[name] for name in expected if name not in TREE}}


def test_facter_keeps_its_own_host_name(facter: list[str]) -> None:
    own = run_off(*facter, "hostname")

    assert run_on("busy", *facter, "hostname").stdout == own.stdout


def test_facter_has_no_fact_and_no_message_without_a_service(facter: list[str]) -> None:
    done = run_off(*facter, "ec2facts")

    own = [line for line in done.stderr.splitlines() if "/proc/1/environ" not in line]  # a container may not read it
    assert (json.loads(done.stdout), own) == ({"ec2facts": None}, [])


def test_puppet_uses_the_fact_in_a_manifest(program: Callable[..., str], directory: Path, tmp_path: Path) -> None:
    manifest = f"""file {{ '{tmp_path}/app.conf': content => "${{facts['ec2facts']['tags']['Name']}}\\n" }}"""
    own = [
        "--confdir",
        str(tmp_path / "conf"),
        "--vardir",
        str(tmp_path / "var"),
        "--logdest",
        "console",
        "--color",
        "false",
    ]

    run_on(
        "busy", program("puppet", package="puppet-agent"), "apply", "--pluginfactdest", directory, *own, "-e", manifest
    )

    assert (tmp_path / "app.conf").read_text() == facts(instances.load("busy"))["tags"]["Name"] + "\n"
