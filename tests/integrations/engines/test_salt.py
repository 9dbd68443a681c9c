"""The grain and the execution module, on a real master with two minions, of the LTS and the newest Salt."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from ec2facts import facts, instances
from ec2facts.collection.facts import TREE
from ec2facts.imds.simulator.simulator import Simulator
from tests.conftest import NOBODY
from tests.integrations.engines.engine import Engine

MINIONS = ("busy", "plain")
STARTUP = 120
"""Seconds for two minions to reach their master."""


def free_ports(count: int) -> list[int]:
    with ExitStack() as held:
        sockets = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [each.getsockname()[1] for each in sockets]


class Salt:
    """A Salt whose configurations are in one directory."""

    def __init__(self, engine: Engine, directory: Path) -> None:
        self.engine = engine
        self.directory = directory

    def configure(self, name: str, kind: str, **settings: Any) -> Path:
        """Write the configuration of a master or minion, and return its directory."""
        root = self.directory / name
        root.mkdir()
        own = {
            "root_dir": str(root),
            "sock_dir": str(root / "s"),
            "log_level": "warning",
            "log_level_logfile": "warning",
        }
        (root / kind).write_text(yaml.safe_dump({**own, **settings}))
        return root

    @contextmanager
    def running(self, program: str, configuration: Path) -> Iterator[None]:
        """Run a daemon and the processes that it starts."""
        command: list[str | Path] = [self.engine.python, self.engine.environment / "bin" / program, "-c", configuration]
        with (configuration / "output").open("wb") as output:
            daemon = subprocess.Popen(command, stdout=output, stderr=output, start_new_session=True)
        try:
            yield
        finally:
            os.killpg(daemon.pid, signal.SIGTERM)
            try:
                daemon.wait(5)
            except subprocess.TimeoutExpired:
                os.killpg(daemon.pid, signal.SIGKILL)
                daemon.wait()

    def call(self, program: str, configuration: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        script = self.engine.environment / "bin" / program
        return self.engine.run(script, "-c", configuration, "--out", "json", *arguments, check=False)


@pytest.fixture(scope="module", params=["salt-lts", "salt"])
def salt(request: pytest.FixtureRequest, engine: Callable[..., Engine], wheel: Path) -> Iterator[Salt]:
    with tempfile.TemporaryDirectory(prefix="s") as short:  # the path of a socket has at most 107 bytes
        yield Salt(engine(request.param, wheel), Path(short))


class Fleet:
    """A master, and a minion on each of two simulated instances."""

    def __init__(self, salt: Salt, master: Path) -> None:
        self._salt = salt
        self._master = master

    def run(self, *arguments: str) -> dict[str, Any]:
        """Return the result of each targeted minion."""
        done = self._salt.call("salt", self._master, "--static", "--timeout", "30", *arguments)
        returned: dict[str, Any] = json.loads(done.stdout) if done.stdout.startswith("{") else {}
        return returned

    def wait(self) -> None:
        until = time.monotonic() + STARTUP
        while self.run("*", "test.ping") != dict.fromkeys(MINIONS, True):
            assert time.monotonic() < until, (self._master / "output").read_text()


@pytest.fixture(scope="module")
def fleet(salt: Salt) -> Iterator[Fleet]:
    publish, reply = free_ports(2)
    listening = {"interface": "127.0.0.1", "publish_port": publish, "ret_port": reply}
    with ExitStack() as running:
        master = salt.configure("master", "master", **listening, auto_accept=True, worker_threads=3)
        states = master / "states"
        states.mkdir()
        (states / "app.sls").write_text(
            f"{master}/{{{{ grains['id'] }}}}.conf:\n"
            "  file.managed:\n"
            "    - contents: zone={{ grains['ec2']['availability_zone'] }}\n"
        )
        with (master / "master").open("a") as configuration:
            configuration.write(yaml.safe_dump({"file_roots": {"base": [str(states)]}}))
        running.enter_context(salt.running("salt-master", master))
        for instance in MINIONS:
            url = running.enter_context(Simulator(instances.load(instance)))
            own = {"id": instance, "master": "127.0.0.1", "master_port": reply, "publish_port": publish}
            settings = {"grains": True, "endpoint": url}
            minion = salt.configure(instance, "minion", **own, ec2facts=settings)
            running.enter_context(salt.running("salt-minion", minion))
        started = Fleet(salt, master)
        started.wait()
        yield started


@pytest.mark.parametrize(
    ("target", "minions"),
    [
        (["-G", "ec2:region:eu-central-1"], {"busy"}),
        (["-G", "ec2:region:us-east-1"], {"plain"}),
        (["-G", "ec2:tags:Name:busy-*"], {"busy"}),
        (["-C", "G|@ec2|tags|aws:autoscaling:groupName|busy-asg"], {"busy"}),
        (["-G", "ec2:instance_id:i-*"], {"busy", "plain"}),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_master_targets_minions_by_facts(fleet: Fleet, target: list[str], minions: set[str]) -> None:
    assert fleet.run(*target, "test.ping") == dict.fromkeys(minions, True)


def test_grain_holds_the_facts_and_no_secret(fleet: Fleet) -> None:
    grains = fleet.run("*", "grains.get", "ec2")

    for instance in MINIONS:
        expected = facts(instances.load(instance))
        assert grains[instance].keys() == expected.keys() - set(TREE)
        assert grains[instance]["tags"] == expected.get("tags", grains[instance].get("tags"))
    assert [secret for secret in ("SecretAccessKey", "user-data-password", "--include") if secret in str(grains)] == []


def test_state_uses_the_grain(fleet: Fleet) -> None:
    applied = fleet.run("*", "state.apply", "app")

    written = [next(iter(states.values()))["changes"] for states in applied.values()]
    assert {change["diff"] for change in written} == {"New file"}
    zones = [Path(name).read_text() for states in applied.values() for name in [next(iter(states.values()))["name"]]]
    assert sorted(zones) == sorted(f"zone={facts(instances.load(name))['availability_zone']}\n" for name in MINIONS)


def test_module_reads_facts_now(fleet: Fleet) -> None:
    read = fleet.run("busy", "ec2facts.get", "region", "tags.Name", "placement/availability-zone")
    dumped = fleet.run("busy", "ec2facts.dump", "tags.Name")

    expected = facts(instances.load("busy"))
    zone = expected["availability_zone"]
    assert read["busy"] == {"region": "eu-central-1", "tags.Name": "busy-1", "placement/availability-zone": zone}
    assert dumped["busy"]["tags"] == {"Name": "busy-1"}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("user_data", "user-data is withheld"),
        ("regoin", "there is no fact 'regoin'"),
        ("tags.none", "tags.none is absent"),
    ],
)
def test_error_is_one_line_of_salt(fleet: Fleet, name: str, message: str) -> None:
    (answer,) = fleet.run("busy", "ec2facts.get", name).values()

    assert message in answer
    assert answer.startswith("ERROR: ")
    assert "Traceback" not in answer
    assert "--include" not in answer


@pytest.fixture
def alone(salt: Salt, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Return a function that runs salt-call on a masterless minion with the given settings of ec2facts."""

    def call(settings: Mapping[str, Any], *arguments: str) -> subprocess.CompletedProcess[str]:
        name = tmp_path_factory.mktemp("alone").name
        minion = salt.configure(name, "minion", id=name, file_client="local", ec2facts=dict(settings))
        return salt.call("salt-call", minion, "--local", "--log-level", "info", *arguments)

    return call


def test_grain_is_opt_in(alone: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    with Simulator(instances.load("plain")) as url:
        done = alone({"endpoint": url}, "grains.get", "ec2")

    assert json.loads(done.stdout) == {"local": ""}


def test_minion_without_a_service_has_no_grain_and_no_line_in_the_log(
    alone: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    done = alone({"grains": True, "endpoint": NOBODY}, "grains.item", "ec2", "kernel")

    assert json.loads(done.stdout)["local"] == {"ec2": "", "kernel": "Linux"}
    assert "ec2" not in done.stderr


def test_unread_fact_is_a_warning_in_the_log(alone: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    with Simulator(instances.load("plain"), faults=["status=500@meta-data/ami-id"]) as url:
        done = alone({"grains": True, "endpoint": url}, "grains.get", "ec2:instance_type")

    assert json.loads(done.stdout)["local"]
    assert "The grain ec2 lacks meta-data/ami-id: HTTP 500" in done.stderr


def test_module_without_a_service_is_an_error_of_salt(alone: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    done = alone({"endpoint": NOBODY}, "ec2facts.get", "region")

    assert done.returncode != 0
    assert f"the metadata service at {NOBODY} is unavailable" in done.stderr
    assert "Traceback" not in done.stderr
