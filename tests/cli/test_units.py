"""``ec2facts units`` lists the units that ship and installs them."""

from __future__ import annotations

from pathlib import Path

from ec2facts.units import list_units
from tests.cli.running import Capture, call


def test_units_are_listed_with_their_purpose(capfdbinary: Capture) -> None:
    outcome = call(capfdbinary, "units")

    assert (outcome.status, outcome.errors) == (0, "")
    assert outcome.output.decode() == "".join(f"{unit.name}\n    {unit.sentence}\n" for unit in list_units())


def test_units_are_installed_below_a_root(tmp_path: Path, capfdbinary: Capture) -> None:
    outcome = call(capfdbinary, "units", "install", "--root", tmp_path)

    assert (outcome.status, outcome.output) == (0, b"")
    assert f"ec2facts: changed {tmp_path}/etc/systemd/system/ec2facts.service\n" in outcome.errors
    assert f"ec2facts: changed {tmp_path}/etc/ec2facts/ec2facts.yaml\n" in outcome.errors
    assert "\nExecStart=ec2facts " in (tmp_path / "etc/systemd/system/ec2facts.service").read_text()


def test_quiet_install_prints_nothing(tmp_path: Path, capfdbinary: Capture) -> None:
    outcome = call(capfdbinary, "units", "install", "--root", tmp_path, "-q")

    assert outcome == (0, b"", "")
