"""The watch of a source that changes between steps, with a clock that only waits advance."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Optional

import pytest

from ec2facts import Snapshot, instances
from ec2facts.apply.observer import ApplyObserver
from ec2facts.apply.outputs import Output
from ec2facts.apply.watch import Watch
from ec2facts.errors import ConfigError, EC2FactsError, UnavailableError
from ec2facts.imds.snapshot import Gap
from ec2facts.install import Change, File

Event = Optional[Callable[[], object]]
"""What happens during a wait: nothing, or a call; True from it means SIGHUP."""

TAGS = "meta-data/tags/instance/"


class EndOfTestError(Exception):
    """Ends the watch."""


class Service:
    """A service with changeable bodies that can become unavailable; it records the paths that are read."""

    def __init__(self, name: str = "plain") -> None:
        self.bodies = dict(instances.load(name).bodies)
        self.gaps: dict[str, Gap] = {}
        self.is_away = False
        self.reads: list[str] = []

    def get(self, path: str) -> bytes | None:
        self.reads.append(path)
        if self.is_away:
            raise UnavailableError("http://127.0.0.1:1", "connection refused")
        return Snapshot(self.bodies, self.gaps).get(path)

    def tag(self, name: str, value: str) -> None:
        """Set a tag."""
        names = self.bodies[TAGS].decode().split("\n")
        self.bodies[TAGS] = "\n".join(sorted({*names, name})).encode()
        self.bodies[TAGS + name] = value.encode()


class Recorder(ApplyObserver):
    """Records changes and failures."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def done(self, change: Change) -> None:
        if change.kind != "unchanged":
            self.told.append(f"{change.kind} {change.file.path.name}")

    def failed(self, error: EC2FactsError) -> None:
        self.told.append(f"failed: {error}")

    def away(self, error: EC2FactsError) -> None:
        self.told.append("away")

    def back(self) -> None:
        self.told.append("back")


class Scene:
    """A watch of the outputs in ``outputs``, with a clock."""

    def __init__(self, directory: Path, service: Service, *outputs: Output) -> None:
        self.directory = directory
        self.service = service
        self.outputs: list[Output] = list(outputs)
        self.now = 0.0
        self.recorder = Recorder()
        self.messages: list[str] = []

    def load(self) -> Sequence[Output]:
        return self.outputs

    def play(self, *events: Event, interval: float = 5.0, load: Callable[[], Sequence[Output]] | None = None) -> None:
        """Watch; each event happens in one wait, and the wait after the last event ends the watch."""
        coming = iter(events)

        def wait(seconds: float) -> bool:
            self.now += seconds
            try:
                event = next(coming)
            except StopIteration:
                raise EndOfTestError from None
            return event is not None and event() is True

        watch = Watch(
            load or self.load,
            self.service,
            state=self.directory / "state",
            wait=wait,
            interval=interval,
            observer=self.recorder,
            notify=self.messages.append,
            clock=lambda: self.now,
        )
        with pytest.raises(EndOfTestError):
            watch.run()


@pytest.fixture
def service() -> Service:
    """Return the service of the plain instance."""
    return Service()


@pytest.fixture
def scene(tmp_path: Path, service: Service) -> Scene:
    """Return a watch of one output: an env file of the tags."""
    return Scene(tmp_path, service, Output(File(tmp_path / "env"), "sh", only=("tags",)))


def env(scene: Scene) -> str:
    return (scene.directory / "env").read_text()


def test_first_step_applies_everything_and_reports_readiness(scene: Scene) -> None:
    scene.play()

    assert "EC2_TAGS_NAME='web-1'\n" in env(scene)
    assert scene.messages == ["READY=1\nSTATUS=watching; outputs up to date: 1", "WATCHDOG=1"]


def test_changed_fact_is_applied_within_an_interval(scene: Scene) -> None:
    begin = []

    def change() -> None:
        begin.append(scene.now)
        scene.service.tag("Name", "web-2")

    scene.play(None, change, None)

    assert "EC2_TAGS_NAME='web-2'\n" in env(scene)
    assert scene.recorder.told == ["changed env"] * 2
    # One pause until the next look, and one for the change to settle.
    assert scene.now - begin[0] <= 5.0


def test_nothing_is_applied_without_a_change(scene: Scene) -> None:
    scene.play(*[None] * 20)

    assert scene.recorder.told == ["changed env"]


def test_look_reads_only_changeable_facts_that_the_outputs_use(scene: Scene) -> None:
    scene.play()
    scene.service.reads.clear()

    scene.play(None)

    look = ["meta-data/instance-id", TAGS, *(TAGS + name for name in ("Environment", "Name", "Owner"))]
    full = look[1:]
    assert sorted(scene.service.reads) == sorted([*look, *full, *look])


def test_template_is_watched_for_the_facts_that_it_names(tmp_path: Path, service: Service) -> None:
    (tmp_path / "t.j2").write_text("{{ spot_instance_action.action | default('none') }}")
    scene = Scene(tmp_path, service, Output(File(tmp_path / "env"), template=str(tmp_path / "t.j2")))

    def notice() -> None:
        service.bodies["meta-data/spot/instance-action"] = b'{"action": "stop", "time": "2026-01-01T00:00:00Z"}'
        service.bodies["meta-data/"] += b"\nspot/"
        service.bodies["meta-data/spot/"] = b"instance-action"

    scene.play(notice, None, None)

    assert env(scene) == "stop"


def test_spot_notice_starts_a_drain_hook(tmp_path: Path, service: Service) -> None:
    drain = File(tmp_path / "env", command=f"touch {tmp_path}/drained")
    scene = Scene(
        tmp_path, service, Output(drain, only=("spot_instance_action",), when="spot_instance_action is defined")
    )

    def notice() -> None:
        assert not (tmp_path / "drained").exists()
        service.bodies["meta-data/spot/instance-action"] = b'{"action": "stop", "time": "2026-01-01T00:00:00Z"}'
        service.bodies["meta-data/"] += b"\nspot/"
        service.bodies["meta-data/spot/"] = b"instance-action"

    scene.play(None, notice, None, None)

    assert (tmp_path / "drained").exists()


def test_changes_in_quick_succession_cause_one_run(scene: Scene) -> None:
    # After a look sees a change, short waits follow: one for each further change.
    changes = [lambda number=number: scene.service.tag("Name", f"web-{number}") for number in range(2, 5)]

    scene.play(*changes, None, None)

    assert "EC2_TAGS_NAME='web-4'\n" in env(scene)
    assert scene.recorder.told == ["changed env"] * 2


def test_facts_that_keep_changing_are_applied(scene: Scene) -> None:
    changes = [lambda number=number: scene.service.tag("Name", f"web-{number}") for number in range(2, 12)]

    scene.play(*changes)

    assert scene.recorder.told.count("changed env") >= 2


def test_watch_waits_for_an_unavailable_service_without_changing_files(scene: Scene) -> None:
    def leave() -> None:
        scene.service.is_away = True
        scene.service.tag("Name", "web-2")

    def come_back() -> None:
        assert "EC2_TAGS_NAME='web-1'\n" in env(scene)
        scene.service.is_away = False
        scene.service.reads.clear()

    scene.play(leave, None, None, come_back, None)

    assert scene.recorder.told == ["changed env", "away", "back", "changed env"]
    assert "EC2_TAGS_NAME='web-2'\n" in env(scene)
    assert [message for message in scene.messages if message.startswith("STATUS=waiting for the metadata service")]


def test_watch_waits_for_a_service_that_starts_late(scene: Scene) -> None:
    scene.service.is_away = True

    def come() -> None:
        assert "READY=1" not in "".join(scene.messages)
        scene.service.is_away = False

    scene.play(None, come, None)

    assert scene.recorder.told == ["away", "back", "changed env"]
    assert "READY=1" in "".join(scene.messages)


def test_unread_fact_does_not_count_as_a_change(scene: Scene) -> None:
    def fail() -> None:
        del scene.service.bodies[TAGS + "Name"]
        scene.service.gaps[TAGS + "Name"] = Gap("unread", "HTTP 500")

    scene.play(fail, None, None)

    assert scene.recorder.told == ["changed env"]


def test_full_run_follows_after_an_hour(tmp_path: Path, service: Service) -> None:
    scene = Scene(tmp_path, service, Output(File(tmp_path / "env"), "sh", only=("ami_id",)))

    def change() -> None:  # of a fact that is not declared changeable
        service.bodies["meta-data/ami-id"] = b"ami-2"

    scene.play(change, *[None] * 1000)

    assert scene.recorder.told == ["changed env"] * 2
    assert scene.now > 3600


def test_sighup_reloads_and_applies_the_configs(scene: Scene) -> None:
    def add() -> bool:
        scene.outputs.append(Output(File(scene.directory / "more"), "sh", only=("region",)))
        return True

    scene.play(None, add, None)

    assert scene.recorder.told == ["changed env", "changed more"]


def test_reload_of_an_invalid_config_keeps_the_old_outputs(scene: Scene) -> None:
    loaded = []

    def load() -> Sequence[Output]:
        loaded.append(1)
        if len(loaded) > 1:
            raise ConfigError("config", "malformed")
        return scene.outputs

    def change() -> bool:
        scene.service.tag("Name", "web-2")
        return True

    scene.play(change, None, load=load)

    assert scene.recorder.told == ["changed env", "failed: config: malformed", "changed env"]


def test_failed_run_is_retried_after_a_minute_with_backoff(scene: Scene) -> None:
    scene.outputs[0] = scene.outputs[0]._replace(file=scene.outputs[0].file._replace(command="false"))

    scene.play(*[None] * 60)  # about four minutes

    failures = [told for told in scene.recorder.told if told.startswith("failed: the command `false` failed")]
    assert len(failures) == 3
    assert scene.messages[0].startswith("READY=1\nSTATUS=a file could not be updated: the command `false` failed")


def test_hour_of_watching_sends_few_requests(scene: Scene) -> None:
    scene.play()
    scene.service.reads.clear()

    scene.play(*[None] * 960, interval=5.0)

    looks = scene.now / 3.75
    assert len(scene.service.reads) < 6 * looks


def test_file_of_a_removed_interface_is_pruned(tmp_path: Path) -> None:
    service = Service("busy")
    (tmp_path / "t.j2").write_text("{{ item.interface_id }}")
    output = Output(
        File(tmp_path / "x", prune=True),
        template=str(tmp_path / "t.j2"),
        for_each="network_interfaces",
        path="{{ item.interface_id }}.conf",
        base=tmp_path,
    )
    scene = Scene(tmp_path, service, output)
    macs = "meta-data/network/interfaces/macs/"
    gone, *left = sorted(service.bodies[macs].decode().split("\n"))
    name = service.bodies[f"{macs}{gone}interface-id"].decode()

    def remove() -> None:
        assert (tmp_path / f"{name}.conf").exists()
        service.bodies = {path: body for path, body in service.bodies.items() if not path.startswith(macs + gone)}
        service.bodies[macs] = "\n".join(left).encode()

    scene.play(None, remove, None, None)

    assert not (tmp_path / f"{name}.conf").exists()
    assert len(list(tmp_path.glob("*.conf"))) == len(left)
