"""A Debian guest boots with the commands of README.md «At boot»; a scenario tests each row of templates/README.md."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from ec2facts import Snapshot, facts, instances
from ec2facts.render import render_env
from tests.boot import scenarios
from tests.boot.guest import PYTHONS, Guest, build, why_not
from tests.boot.scenarios import BY_HAND, BY_TIMER, SCENARIOS, Record, prepare

Seen = Callable[[str], Record]


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, Future[dict[str, Record]]]]:
    """Run all scenarios in parallel, each in its own guest: they mostly wait."""
    release = os.environ.get("BOOT")
    if not release:
        pytest.skip(f"boots Debian for minutes: BOOT=bookworm pytest tests/boot (also {', '.join(PYTHONS)})")
    reason = why_not()
    if reason is not None:
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    directory = tmp_path_factory.mktemp("guests")
    base = build(release, directory)
    prepare(base)
    with ThreadPoolExecutor(len(SCENARIOS)) as pool:
        yield {play.__name__: pool.submit(_play, play, base) for play in SCENARIOS}
    shutil.rmtree(directory)


def _play(play: Callable[[Guest], dict[str, Record]], base: Path) -> dict[str, Record]:
    root = base.with_name(play.__name__)
    subprocess.run(["cp", "--archive", base, root], check=True)
    guest = Guest(root)
    try:
        return play(guest)
    finally:
        guest.kill()


@pytest.fixture
def seen(running: Mapping[str, Future[dict[str, Record]]]) -> Seen:
    """Return a function that looks up the observations at a moment of a scenario, such as ``first_boot/late``."""

    def look_up(moment: str) -> Record:
        scenario, _, name = moment.partition("/")
        return running[scenario].result()[name]

    return look_up


def environment(snapshot: Snapshot) -> set[str]:
    """Return the expected variables of a unit, each as NAME=value."""
    return set(render_env(facts(snapshot), "null", on_skip=lambda name, reason: None).split("\0")) - {""}


HEALTHY = {
    "first_boot/late": instances.load("busy"),
    "first_boot/throttled": instances.load("busy"),
    "first_boot/clone": instances.load("awkward"),
    "service_down/mended": instances.load("busy"),
    "read_only_var/read-only": instances.load("busy"),
}
"""The moments at which everything has to be in place, with the instance."""

every_healthy_moment = pytest.mark.parametrize("moment", HEALTHY)


@every_healthy_moment
def test_environment_of_a_service_equals_the_facts_byte_for_byte(moment: str, seen: Seen) -> None:
    own = {each for each in seen(moment)["environment"].split("\0") if each.startswith("EC2_")}

    assert own == environment(HEALTHY[moment])


@every_healthy_moment
def test_nginx_starts_with_its_config(moment: str, seen: Seen) -> None:
    assert seen(moment)["header"] == facts(HEALTHY[moment])["instance_id"]


@every_healthy_moment
def test_facts_file_holds_no_withheld_fact(moment: str, seen: Seen) -> None:
    assert json.loads(seen(moment)["facts"]) == facts(HEALTHY[moment])


@every_healthy_moment
def test_files_are_readable_by_every_user(moment: str, seen: Seen) -> None:
    assert {"env 644 root", "facts.json 644 root"} <= set(seen(moment)["files"].splitlines())


@every_healthy_moment
def test_no_unit_has_failed(moment: str, seen: Seen) -> None:
    assert seen(moment)["failed"] == ""


def test_changed_fact_reaches_running_nginx_when_the_unit_starts(seen: Seen) -> None:
    by_hand = seen("first_boot/by hand")

    assert (by_hand["status"], by_hand["header"]) == ("0", BY_HAND), by_hand["journal"]


def test_timer_brings_a_changed_fact_to_running_nginx(seen: Seen) -> None:
    by_timer = seen("first_boot/by timer")

    assert by_timer["state"] == "inactive", by_timer["journal"]
    assert by_timer["journal"].count("running systemctl try-reload-or-restart nginx") == 2, BY_TIMER


def test_watch_replaces_the_timer_and_ends_cleanly(seen: Seen) -> None:
    by_watch = seen("first_boot/by watch")

    states = (by_watch["status"], by_watch["state"], by_watch["timer"], by_watch["stopped"])
    assert states == ("0", "active", "inactive", "0inactive"), by_watch["journal"]


@pytest.mark.parametrize("unit", ["env unit", "config unit"])
def test_boot_continues_without_the_service(unit: str, seen: Seen) -> None:
    down = seen("service_down/down")

    assert "169.254.169.254" in down[unit]
    assert "error" in down[unit]
    assert down["nginx"] == "active"
    assert (down["environment"], down["header"], down["facts"]) == ("", "", "")


@pytest.mark.parametrize("moment", ["first_boot/late", "service_down/down"])
def test_units_wait_for_the_env_file_and_the_config_in_parallel(moment: str, seen: Seen) -> None:
    stamps = re.findall(r"Monotonic=(\d+)$", seen(moment)["spans"], re.MULTILINE)
    starts, ends = map(int, stamps[::2]), map(int, stamps[1::2])

    assert max(starts) < min(ends)


def test_shutdown_ends_the_wait(seen: Seen) -> None:
    journal = seen("service_down/shutdown")["journal"]

    assert "Stopped" in journal
    assert re.findall(r"ec2facts\S*: (?:Failed|State .* timed out|Triggering).*", journal) == []


@pytest.mark.parametrize("unit", ["env unit", "config unit"])
def test_disabled_service_is_not_waited_for(unit: str, seen: Seen) -> None:
    disabled = seen("service_disabled/disabled")

    assert "switched off" in disabled[unit]
    assert "waiting up to" not in disabled[unit]
    assert "waiting up to" in seen("service_down/down")[unit]
    assert disabled["nginx"] == "active"


def test_throttled_requests_are_retried(seen: Seen) -> None:
    assert "429" in seen("first_boot/throttled")["statuses"].split()


def test_read_only_var_is_not_writable(seen: Seen) -> None:
    read_only = seen("read_only_var/read-only")

    assert "Read-only file system" in read_only["touch"]
    assert "lock" in read_only["state"]


def test_sandbox_allows_what_the_unit_needs_and_no_more(seen: Seen) -> None:
    probed = [
        line for line in seen("first_boot/sandbox")["journal"].splitlines() if not line.startswith(("Sta", "Fin"))
    ]

    assert probed == [
        "writes /run/ec2facts",
        "forbidden call: status 1",
        "another address: curl 28",
        "the service: curl 0",
    ]


def test_readme_has_the_commands_of_the_scenarios() -> None:
    assert "ec2facts units install" in scenarios.block("sh")
    assert "EnvironmentFile=/run/ec2facts/env" in scenarios.block("ini")
