"""The shipped units, read and run by systemd."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from ec2facts import instances
from ec2facts.apply.config import load_config
from ec2facts.cli import make_parser
from ec2facts.errors import UnavailableError, UnreadError
from ec2facts.render.template.search import packaged_template, packaged_templates
from ec2facts.units import list_units
from tests.cli.running import PROGRAM
from tests.render.config_readers import Program, systemd_units
from tests.render.shipped import EVERY_FACTS, render

NAMES = [unit.name for unit in list_units()]
CONSUMERS = {
    *("nginx.service", "haproxy.service", "prometheus.service", "prometheus-node-exporter.service"),
    "amazon-cloudwatch-agent.service",
}

ONESHOTS = ("ec2facts.service", "ec2facts-boot.service", "ec2facts-apply.service")

every_service = pytest.mark.parametrize("name", ONESHOTS)

Units = dict[str, dict[str, list[str]]]


def files() -> dict[str, str]:
    """Return the units with the absolute path of the tested command."""
    return {name: render(name, {}).replace("ExecStart=ec2facts ", f"ExecStart={PROGRAM} ") for name in NAMES}


@pytest.fixture(scope="module")
def units(program: Program) -> Units:
    """Return the settings that systemd reads from the units; fail if it warns."""
    everything = f"[Unit]\nWants={' '.join(NAMES)}\n"
    return systemd_units(program, {**files(), "everything.target": everything}, "everything.target")


def listed(unit: dict[str, list[str]], key: str) -> set[str]:
    """Return the other units that the unit's file names."""
    return {value.partition(" ")[0] for value in unit[key] if value.endswith("(origin-file)")}


def command(unit: dict[str, list[str]]) -> list[str]:
    line, *_ = unit["Command Line"]  # the others are of ExecStartPost= and ExecReload=
    return shlex.split(line)


@pytest.mark.parametrize("name", NAMES)
def test_shipped_unit_renders_to_itself(name: str) -> None:
    assert render(name, {}) == (packaged_templates() / name).read_text()


def test_systemd_accepts_the_units(units: Units) -> None:
    assert set(NAMES) <= set(units)


@every_service
def test_unit_runs_ec2facts_after_the_network_is_online(name: str, units: Units) -> None:
    program, *arguments = command(units[name])

    assert program == PROGRAM
    assert make_parser().parse_args(arguments).wait == 60
    assert units[name]["Type"] == ["oneshot"]
    assert listed(units[name], "Wants") == {"network-online.target"}
    assert listed(units[name], "After") >= {"network-online.target"}


@every_service
def test_unit_start_timeout_exceeds_the_wait_of_its_command(name: str, units: Units) -> None:
    (minutes,) = (int(value.removesuffix("min")) for value in units[name]["TimeoutStartSec"])

    assert minutes * 60 > make_parser().parse_args(command(units[name])[1:]).wait


def test_boot_unit_runs_before_the_services_that_read_its_files(units: Units) -> None:
    assert listed(units["ec2facts-boot.service"], "Before") == CONSUMERS
    assert units["ec2facts-boot.service"]["RemainAfterExit"] == ["yes"]


@pytest.mark.parametrize("name", ["ec2facts.service", "ec2facts-apply.service"])
def test_unit_that_can_reload_services_is_ordered_before_no_unit(name: str, units: Units) -> None:
    # A unit that reloads nginx and is ordered before it would wait for itself.
    assert listed(units[name], "Before") == set()


def test_boot_units_do_not_wait_for_each_other(units: Units) -> None:
    assert "ec2facts-boot.service" not in listed(units["ec2facts.service"], "After")
    assert "ec2facts.service" not in listed(units["ec2facts-boot.service"], "After")


def test_boot_units_share_the_rate_limit(units: Units) -> None:
    rates = [
        make_parser().parse_args(command(units[name])[1:]).max_rate
        for name in ("ec2facts.service", "ec2facts-boot.service")
    ]

    assert rates == [80, 80]


def test_failed_run_at_boot_is_retried(units: Units) -> None:
    for name in ("ec2facts.service", "ec2facts-apply.service"):
        assert units[name]["Restart"] == ["on-failure"]
        assert units[name]["RestartSec"] == ["1min"]
        assert "\nStartLimitIntervalSec=0\n" in files()[name]  # systemd does not print it
    # The boot unit is ordered before nginx, so another unit retries for it.
    assert units["ec2facts-boot.service"]["Restart"] == ["no"]
    assert listed(units["ec2facts-boot.service"], "OnFailure") == {"ec2facts-apply.service"}


def test_only_unavailable_or_unread_facts_are_retried_before_the_timer(units: Units) -> None:
    (prevented,) = re.findall(r"^RestartPreventExitStatus=(.*)$", files()["ec2facts-apply.service"], re.MULTILINE)

    unavailable = {UnavailableError.exit_status, UnreadError.exit_status}
    assert set(map(int, prevented.split())) == set(range(1, 9)) - unavailable


def test_sigterm_is_a_successful_exit() -> None:
    for name in (name for name in NAMES if name.endswith(".service")):
        assert "\nSuccessExitStatus=143 SIGTERM\n" in files()[name]


def test_facts_are_written_to_the_runtime_directory_of_the_unit(units: Units) -> None:
    unit = units["ec2facts.service"]
    outputs = load_config(packaged_template("boot.yaml"))

    assert [(str(output.file.path), output.format, output.file.mode, output.allow_partial) for output in outputs] == [
        ("/run/ec2facts/env", "systemd", 0o644, True),
        ("/run/ec2facts/facts.json", "json", 0o644, True),
    ]
    assert unit["RuntimeDirectory"] == ["ec2facts"]
    assert unit["RuntimeDirectoryPreserve"] == ["yes"]
    assert unit["RuntimeDirectoryMode"] == ["0755"]


def test_unit_reaches_only_the_two_imds_addresses(units: Units) -> None:
    unit = units["ec2facts.service"]

    assert set(unit["IPAddressDeny"]) == {"0.0.0.0/0", "::/0"}
    assert set(unit["IPAddressAllow"]) == {"169.254.169.254/32", "fd00:ec2::254/128"}


def test_timer_starts_the_apply_unit_every_15_minutes(units: Units) -> None:
    timer, apply = units["ec2facts.timer"], units["ec2facts-apply.service"]

    assert timer["Unit"] == ["ec2facts-apply.service"]
    assert timer["OnUnitInactiveSec"] == timer["OnActiveSec"] == ["15min"]
    assert apply["RemainAfterExit"] == ["no"]


def test_units_are_enabled_for_boot() -> None:
    wanted = {name: re.findall("^WantedBy=(.*)$", text, re.MULTILINE) for name, text in files().items()}

    assert wanted == {
        "ec2facts.service": ["multi-user.target"],
        "ec2facts-boot.service": ["multi-user.target"],
        "ec2facts-apply.service": [],
        "ec2facts-watch.service": ["multi-user.target"],
        "ec2facts.timer": ["timers.target"],
    }


def test_watch_unit_replaces_the_timer_and_does_not_delay_the_boot(units: Units) -> None:
    unit = units["ec2facts-watch.service"]

    assert make_parser().parse_args(command(unit)[1:]).watch == 5
    assert unit["Type"] == ["notify"]
    assert listed(unit, "Conflicts") == {"ec2facts.timer", "shutdown.target"}
    assert listed(unit, "Before") == {"shutdown.target"}
    # With default dependencies the target would wait for the unit.
    assert "\nDefaultDependencies=no\n" in files()["ec2facts-watch.service"]


def advised_consumer() -> str:
    """Return the settings for a consumer of the env file from the comment in ec2facts.service."""
    return "".join(re.findall("^#     (.*\n)", files()["ec2facts.service"], re.MULTILINE))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give systemd a /run of its own")
def test_documented_consumer_starts_after_the_file_is_written(program: Program, tmp_path: Path) -> None:
    instances.load("busy").save(tmp_path / "busy.json")
    unit = files()["ec2facts.service"].replace(" --wait 60", f" --from {tmp_path}/busy.json")
    unit = unit.replace("/etc/ec2facts/boot.yaml", str(packaged_template("boot.yaml")))
    consumer = f"ExecStart=/bin/sh -c 'printenv EC2_INSTANCE_ID >{tmp_path}/seen'\nType=oneshot\n"
    end = "[Unit]\nSuccessAction=exit\nFailureAction=exit\n"

    booted(
        program,
        tmp_path,
        {"ec2facts.service": unit, "consumer.service": advised_consumer() + consumer + end},
        "consumer.service",
    )

    assert (tmp_path / "seen").read_text() == EVERY_FACTS["busy"]["instance_id"] + "\n"


def booted(program: Program, directory: Path, units: dict[str, str], start: str) -> None:
    """Make systemd start a unit and its dependencies from files in a directory, until a unit tells it to exit.

    It runs in its own mount and PID namespaces with its own /run. The control groups are the machine's: a lock keeps
    other such tests away, and no group is left behind.
    """
    for name, text in units.items():
        (directory / name).write_text(text)
    # The tested command and the test's files can be in /home or /tmp.
    (directory / "service.d").mkdir()
    (directory / "service.d/seen.conf").write_text("[Service]\nProtectHome=no\nPrivateTmp=no\n")
    script = """
        mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/system
        export XDG_RUNTIME_DIR=/run SYSTEMD_UNIT_PATH="$1:"
        timeout 30 /lib/systemd/systemd --user --unit="$2" --log-target=console
        ended=$?
        rmdir /sys/fs/cgroup/init.scope /sys/fs/cgroup/*/init.scope 2>/dev/null
        exit $ended
    """
    command = [program("flock", package="util-linux"), "/sys/fs/cgroup", program("unshare", package="util-linux")]
    command += ["--mount", "--pid", "--fork", "--mount-proc", "--kill-child", "sh", "-c", script, "sh"]
    done = subprocess.run([*command, str(directory), start], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
