"""The shipped units and configs are installed and enabled below any root."""

from __future__ import annotations

from pathlib import Path

import pytest

from ec2facts.render.template.search import packaged_template
from ec2facts.units import CONFIGS, ENABLED, find_program, install_units, list_units

UNITS = "etc/systemd/system"


def test_units_and_configs_are_installed(tmp_path: Path) -> None:
    install_units(tmp_path)

    for name, *_ in list_units():
        assert (tmp_path / UNITS / name).read_bytes() == packaged_template(name).read_bytes()
    for name in CONFIGS:
        assert (tmp_path / "etc/ec2facts" / name).read_bytes() == packaged_template(name).read_bytes()
    assert (tmp_path / "etc/ec2facts/ec2facts.d").is_dir()


def test_unit_is_enabled_by_the_same_link_as_with_systemctl(tmp_path: Path) -> None:
    install_units(tmp_path)

    units = tmp_path / UNITS
    links = {link.relative_to(units).as_posix(): str(link.readlink()) for link in units.glob("*.wants/*")}
    assert links == {
        "multi-user.target.wants/ec2facts.service": "/etc/systemd/system/ec2facts.service",
        "multi-user.target.wants/ec2facts-boot.service": "/etc/systemd/system/ec2facts-boot.service",
        "timers.target.wants/ec2facts.timer": "/etc/systemd/system/ec2facts.timer",
    }
    assert {Path(link).name for link in links} == set(ENABLED)


def test_second_install_changes_nothing(tmp_path: Path) -> None:
    install_units(tmp_path)

    changes = install_units(tmp_path)

    assert {change.kind for change in changes} == {"unchanged"}


def test_unit_is_updated_and_config_is_kept(tmp_path: Path) -> None:
    install_units(tmp_path)
    unit, config = tmp_path / UNITS / "ec2facts.service", tmp_path / "etc/ec2facts/ec2facts.yaml"
    for file in (unit, config):
        file.write_text("# the administrator's own\n")

    install_units(tmp_path)

    assert unit.read_bytes() == packaged_template("ec2facts.service").read_bytes()
    assert config.read_text() == "# the administrator's own\n"


def test_units_run_the_given_program(tmp_path: Path) -> None:
    install_units(tmp_path, program="/opt/ec2facts/bin/ec2facts")

    for name in (unit.name for unit in list_units() if unit.name.endswith(".service")):
        text = (tmp_path / UNITS / name).read_text()
        assert "\nExecStart=/opt/ec2facts/bin/ec2facts " in text
        assert "ExecStart=ec2facts" not in text


@pytest.mark.parametrize("place", ["usr/local/bin", "usr/bin"])
def test_program_that_systemd_finds_has_no_path_in_the_unit(place: str, tmp_path: Path) -> None:
    (tmp_path / place).mkdir(parents=True)
    (tmp_path / place / "ec2facts").symlink_to("/opt/ec2facts/bin/ec2facts")  # a link that dangles outside the root

    assert find_program(tmp_path, tmp_path / "opt/ec2facts/bin/ec2facts") == "ec2facts"


def test_program_elsewhere_below_the_root_has_its_path_in_the_unit(tmp_path: Path) -> None:
    assert find_program(tmp_path, tmp_path / "opt/ec2facts/bin/ec2facts") == "/opt/ec2facts/bin/ec2facts"


def test_program_outside_the_root_has_no_path_in_the_unit(tmp_path: Path) -> None:
    assert find_program(tmp_path / "image", tmp_path / "bin/ec2facts") == "ec2facts"
