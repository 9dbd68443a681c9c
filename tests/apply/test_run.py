"""Many outputs from one collection of facts: each succeeds or fails by itself."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from ec2facts import Snapshot, instances
from ec2facts.apply.last_facts import Identity, LastFacts
from ec2facts.apply.observer import ApplyObserver
from ec2facts.apply.outputs import EnvOptions, Output
from ec2facts.apply.run import apply
from ec2facts.errors import (
    EC2FactsError,
    IncompleteError,
    StaleError,
    TemplateError,
    UnavailableError,
    UsageError,
)
from ec2facts.imds.client import IMDSClient
from ec2facts.imds.simulator.simulator import Simulator
from ec2facts.imds.snapshot import Gap
from ec2facts.imds.source import Source
from ec2facts.install import File
from ec2facts.render.env_formats import FORMATS
from tests.install.conftest import Recorder as InstallRecorder
from tests.install.conftest import identity

INSTANCE = "i-1234567890abcdef0"
SECRET = "hunter2 in user data"

SECRETIVE = Snapshot({"meta-data/instance-id": INSTANCE.encode(), "user-data": SECRET.encode()})
INCOMPLETE = Snapshot({"meta-data/instance-id": INSTANCE.encode()}, {"meta-data/mac": Gap("unread", "HTTP 500")})
UNREAD = Snapshot.parse(b'{"meta-data/instance-id": {"body": "i-0"}, "meta-data/mac": {"status": 500}}')


class Counting:
    """A source that counts the reads of each path."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.reads: dict[str, int] = {}

    def get(self, path: str) -> bytes | None:
        self.reads[path] = self.reads.get(path, 0) + 1
        return self.source.get(path)


ENDPOINT = "http://169.254.169.254"
"""The name of the sources here; nothing is sent there."""


class Live:
    """A source that says that it is this machine's live service."""

    is_live = True
    name = ENDPOINT

    def __init__(self, source: Source) -> None:
        self.get = source.get


class Down:
    """A live service that is unavailable."""

    is_live = True
    name = ENDPOINT

    def get(self, path: str) -> bytes | None:
        raise UnavailableError("http://127.0.0.1:1", "connection refused")


class Recorder(ApplyObserver, InstallRecorder):
    """Records the events of installs."""


class Warned(ApplyObserver):
    """Records warnings."""

    def unread(self, path: str, reason: str) -> None:
        self.reasons.append(f"{path}: {reason}")

    def __init__(self) -> None:
        self.reasons: list[str] = []

    def stale(self, error: EC2FactsError, instance_id: str, age: float) -> None:
        self.reasons.append(f"{instance_id}, {age:.0f} s old: {error}")

    def failed(self, error: EC2FactsError) -> None:
        self.reasons.append(str(error))

    def unsaved(self, error: OSError) -> None:
        self.reasons.append(f"{error.filename}: {error.strerror}")

    def kept(self, file: File) -> None:
        self.reasons.append(f"kept {file.path.name}")

    def left_out(self, file: File, name: str, reason: str) -> None:
        self.reasons.append(f"{file.path.name} {name}: {reason}")


@pytest.fixture
def last(tmp_path: Path) -> LastFacts:
    """Return the last facts of a machine that identifies its instance."""
    (tmp_path / "asset").write_text(INSTANCE)
    return LastFacts(tmp_path / "state", Identity(tmp_path / "asset", tmp_path / "boot"))


def test_every_kind_of_output_comes_from_one_collection(tmp_path: Path) -> None:
    source = Counting(instances.load("plain"))
    (tmp_path / "t.j2").write_text("{{ instance_id }}\n")
    outputs = [
        Output(File(tmp_path / "a.json")),
        Output(File(tmp_path / "a.yaml"), "yaml"),
        Output(File(tmp_path / "a.env"), "docker", only=("instance_id",), env=EnvOptions(prefix="MY_")),
        Output(File(tmp_path / "a.conf"), template=str(tmp_path / "t.j2")),
    ]

    changes = apply(outputs, source, state=tmp_path / "state")

    assert [change.kind for change in changes] == ["changed"] * 4
    assert set(source.reads.values()) == {1}
    assert (tmp_path / "a.env").read_text() == f"MY_INSTANCE_ID={INSTANCE}\n"
    assert (tmp_path / "a.conf").read_text() == f"{INSTANCE}\n"


def test_second_run_writes_nothing(tmp_path: Path, last: LastFacts) -> None:
    outputs = [Output(File(tmp_path / "a.json"))]
    apply(outputs, Live(instances.load("plain")), state=tmp_path / "state", last=last)
    before = [identity(file) for file in tmp_path.rglob("*") if file.is_file()]

    apply(outputs, Live(instances.load("plain")), state=tmp_path / "state", last=last)

    after = [identity(file) for file in tmp_path.rglob("*") if file.is_file()]
    unchanged = [new == old for new, old in zip(after, before)]
    assert len(after) == len(before)
    assert unchanged.count(False) == 1, "only the mtime of last.json changes"
    assert [(each[0], each[3]) for each in after] == [(each[0], each[3]) for each in before]


def test_secret_is_only_in_the_output_that_includes_it(tmp_path: Path, last: LastFacts) -> None:
    outputs = [Output(File(tmp_path / "open")), Output(File(tmp_path / "secret"), include=("user_data",))]

    apply(outputs, Live(SECRETIVE), state=tmp_path / "state", last=last)

    holding = [file for file in tmp_path.rglob("*") if file.is_file() and SECRET in file.read_text()]
    assert holding == [tmp_path / "secret"]
    assert stat.S_IMODE(holding[0].stat().st_mode) == 0o600


def broken(tmp_path: Path) -> dict[str, Output]:
    """Return outputs that fail, by the kind of failure."""
    (tmp_path / "wrong.j2").write_text("{{ nothing }}")
    return {
        "template": Output(File(tmp_path / "wrong"), template=str(tmp_path / "wrong.j2")),
        "no template": Output(File(tmp_path / "wrong"), template="no-such-template"),
        "unrepresentable": Output(File(tmp_path / "wrong"), "docker", only=("kernel_id",)),
        "unread": Output(File(tmp_path / "wrong"), "sh", only=("mac",)),
        "withheld": Output(File(tmp_path / "wrong"), "sh", only=("user_data",)),
        "unknown owner": Output(File(tmp_path / "wrong", owner="no-such-user"), "sh", only=("instance_id",)),
        "unknown group": Output(File(tmp_path / "wrong", group="no-such-group"), "sh", only=("instance_id",)),
        "missing directory": Output(File(tmp_path / "no/wrong"), "sh", only=("instance_id",)),
        "check": Output(File(tmp_path / "wrong", check="false {}"), "sh", only=("instance_id",)),
        "live check": Output(File(tmp_path / "wrong", check_live="false"), "sh", only=("instance_id",)),
    }


STATUSES = {
    "template": 5,
    "no template": 5,
    "unrepresentable": 6,
    "unread": 4,
    "withheld": 2,
    "unknown owner": 2,
    "unknown group": 2,
    "missing directory": 1,
    "check": 7,
    "live check": 7,
}


@pytest.mark.parametrize("kind", STATUSES)
def test_failed_output_leaves_only_its_file_and_its_group_unchanged(tmp_path: Path, kind: str) -> None:
    source = Snapshot.parse(
        b"""{"meta-data/instance-id": {"body": "i-0"}, "meta-data/kernel-id": {"body": "a\\nb"},
        "meta-data/mac": {"status": 500}, "user-data": {"body": "hunter2"}}"""
    )
    good = Output(File(tmp_path / "before", command=f"touch {tmp_path}/ran"), "sh", only=("instance_id",))
    wrong = broken(tmp_path)[kind]
    outputs = [
        good,
        wrong._replace(file=wrong.file._replace(together="group")),
        good._replace(file=File(tmp_path / "grouped", together="group")),
        good._replace(file=File(tmp_path / "after")),
    ]
    observer = Warned()

    with pytest.raises(EC2FactsError) as error:
        apply(outputs, source, state=tmp_path / "state", observer=observer)

    assert error.value.exit_status == STATUSES[kind]
    assert "\n" not in str(error.value)
    assert (tmp_path / "before").read_text() == (tmp_path / "after").read_text() == "EC2_INSTANCE_ID='i-0'\n"
    assert (tmp_path / "ran").exists()
    assert not (tmp_path / "wrong").exists()
    assert not (tmp_path / "grouped").exists()
    assert observer.reasons == ["kept wrong", "kept grouped"]


def test_every_failure_is_reported_and_the_first_is_raised(tmp_path: Path) -> None:
    outputs = [
        broken(tmp_path)["template"]._replace(file=File(tmp_path / "a")),
        broken(tmp_path)["check"]._replace(file=File(tmp_path / "b", check="false {}")),
        broken(tmp_path)["no template"]._replace(file=File(tmp_path / "c")),
    ]
    recorder = Recorder()

    with pytest.raises(TemplateError, match=r"wrong\.j2:1: "):
        apply(outputs, SECRETIVE, state=tmp_path / "state", observer=recorder)

    failures = [event for event in recorder.events if not event.startswith("kept")]
    assert [event.partition(":")[0] for event in failures] == [
        "no template 'no-such-template' in an empty search path",
        f"{tmp_path}/b",
    ]


def test_glob_for_a_withheld_fact_names_the_output(tmp_path: Path) -> None:
    output = Output(File(tmp_path / "a"), "sh", only=("user_data",))

    with pytest.raises(UsageError, match=f"^{tmp_path}/a: user_data is withheld"):
        apply([output], SECRETIVE, state=tmp_path / "state")


def test_unread_fact_fails_only_the_outputs_that_use_it(tmp_path: Path) -> None:
    (tmp_path / "t.j2").write_text("{{ instance_id }}")
    outputs = [
        Output(File(tmp_path / "everything")),
        Output(File(tmp_path / "partial"), allow_partial=True),
        Output(File(tmp_path / "only"), only=("instance_id",)),
        Output(File(tmp_path / "template"), template=str(tmp_path / "t.j2")),
        Output(File(tmp_path / "env"), "sh"),
    ]
    observer = Warned()

    with pytest.raises(
        IncompleteError, match=rf"^{tmp_path}/everything: 1 of 6 paths unread: meta-data/mac: HTTP 500; "
    ):
        apply(outputs, UNREAD, state=tmp_path / "state", observer=observer)

    assert json.loads((tmp_path / "partial").read_bytes())["collection"]["unread"] == {"meta-data/mac": "HTTP 500"}
    assert json.loads((tmp_path / "only").read_bytes()) == {"instance_id": "i-0"}
    assert (tmp_path / "template").read_text() == "i-0"
    assert not (tmp_path / "env").exists()
    assert observer.reasons[:3] == ["meta-data/mac: HTTP 500", "kept everything", "kept env"]


@pytest.mark.parametrize("form", FORMATS)
def test_partial_env_file_names_unread_facts(tmp_path: Path, form: str) -> None:
    source = Snapshot(
        {"meta-data/instance-id": b"i-0"},
        {"meta-data/hostname": Gap("unread", "HTTP 500\nEC2_EVIL=1 \\"), "meta-data/tags/": Gap("unread", "HTTP 502")},
    )
    observer = Warned()

    apply(
        [Output(File(tmp_path / "env"), form, allow_partial=True, only=("instance_id", "hostname", "tags.Name"))],
        source,
        state=tmp_path / "state",
        observer=observer,
    )

    comments = [line for line in (tmp_path / "env").read_text().splitlines() if line.startswith("#")]
    assert (
        comments
        == [
            "# unread: meta-data/hostname: HTTP 500\\nEC2_EVIL=1 \\.",
            "# unread: meta-data/tags/instance/: HTTP 502",
        ]
        * FORMATS[form].has_comments
    )
    assert len(observer.reasons) == 2


@pytest.mark.parametrize("path", ["meta-data/mac", "dynamic/instance-identity/document"])
def test_partial_env_file_needs_the_facts_that_every_instance_has(tmp_path: Path, path: str) -> None:
    source = Snapshot(
        {"meta-data/instance-id": b"i-0"}, {path: Gap("unread", "HTTP 500"), "meta-data/hostname": Gap("unread", "x")}
    )

    with pytest.raises(IncompleteError) as error:
        apply([Output(File(tmp_path / "env"), "sh", allow_partial=True)], source, state=tmp_path / "state")

    assert error.value.unread == {path: "HTTP 500"}
    assert not (tmp_path / "env").exists()


@pytest.mark.parametrize("source", [Down(), Live(INCOMPLETE)], ids=["down", "unread"])
def test_last_facts_replace_unread_facts(tmp_path: Path, last: LastFacts, source: Source) -> None:
    outputs = [Output(File(tmp_path / "a"))]
    apply(outputs, Live(SECRETIVE), state=tmp_path / "state", last=last)
    written = (tmp_path / "a").read_bytes()
    (tmp_path / "a").unlink()
    observer = Warned()

    apply(outputs, source, state=tmp_path / "state", last=last, allow_stale=True, observer=observer)

    assert (tmp_path / "a").read_bytes() == written
    assert len(observer.reasons) == 1
    assert observer.reasons[0].startswith(f"{INSTANCE}, 0 s old: ")


def test_last_facts_replace_only_outputs_with_unread_facts(tmp_path: Path, last: LastFacts) -> None:
    apply([Output(File(tmp_path / "a"))], Live(instances.load("plain")), state=tmp_path / "state", last=last)
    now = Snapshot(
        {"meta-data/instance-id": INSTANCE.encode(), "meta-data/hostname": b"new"},
        {"meta-data/mac": Gap("unread", "HTTP 500")},
    )
    outputs = [
        Output(File(tmp_path / "fresh"), "sh", only=("hostname",)),
        Output(File(tmp_path / "stale"), "sh", only=("mac",)),
        Output(File(tmp_path / "group of stale"), "sh", only=("mac",)),
        Output(File(tmp_path / "group of fresh"), "sh", only=("hostname",)),
    ]
    outputs[2:] = [output._replace(file=output.file._replace(together="group")) for output in outputs[2:]]

    apply(outputs, Live(now), state=tmp_path / "state", last=last, allow_stale=True)

    written = {output.file.path.name: output.file.path.read_text() for output in outputs}
    assert written == {
        "fresh": "EC2_HOSTNAME='new'\n",
        "stale": "EC2_MAC='02:00:5e:00:53:17'\n",
        "group of stale": "EC2_MAC='02:00:5e:00:53:17'\n",
        "group of fresh": "EC2_HOSTNAME='ip-10-0-1-23.ec2.internal'\n",
    }


def test_last_facts_are_used_only_with_allow_stale(tmp_path: Path, last: LastFacts) -> None:
    outputs = [Output(File(tmp_path / "a"))]
    apply(outputs, Live(SECRETIVE), state=tmp_path / "state", last=last)
    before = identity(tmp_path / "a")

    with pytest.raises(UnavailableError):
        apply(outputs, Down(), state=tmp_path / "state", last=last)

    assert identity(tmp_path / "a") == before


@pytest.mark.parametrize("reason", ["another instance", "withheld", "no last facts"])
def test_unusable_last_facts_leave_every_file_unchanged(tmp_path: Path, last: LastFacts, reason: str) -> None:
    outputs = [Output(File(tmp_path / "a"), include=("user_data",) if reason == "withheld" else ())]
    apply(outputs, Live(SECRETIVE), state=tmp_path / "state", last=last)
    if reason == "another instance":
        (tmp_path / "asset").write_text("i-0fedcba9876543210")
    if reason == "no last facts":
        (tmp_path / "state" / "last.json").unlink()
    before = identity(tmp_path / "a")

    with pytest.raises(StaleError, match=f"connection refused; .*{reason}"):
        apply(outputs, Down(), state=tmp_path / "state", last=last, allow_stale=True)

    assert identity(tmp_path / "a") == before


def test_partial_facts_are_not_saved(tmp_path: Path, last: LastFacts) -> None:
    outputs = [Output(File(tmp_path / "a"), allow_partial=True)]

    apply(outputs, Live(UNREAD), state=tmp_path / "state", last=last)

    with pytest.raises(StaleError):
        last.read(Down())


def test_facts_of_a_simulator_are_not_saved(tmp_path: Path, last: LastFacts) -> None:
    with Simulator(instances.load("plain")) as url:
        apply([Output(File(tmp_path / "a"))], IMDSClient(url), state=tmp_path / "state", last=last)

        with pytest.raises(StaleError, match=r"no last facts are saved for .*: it is not this machine's own service"):
            last.read(IMDSClient(url))

    assert [file.name for file in tmp_path.rglob("last*")] == []


def test_last_facts_are_used_if_interfaces_do_not_settle(tmp_path: Path, last: LastFacts) -> None:
    outputs = [Output(File(tmp_path / "a"))]
    apply(outputs, Live(SECRETIVE), state=tmp_path / "state", last=last)
    observer = Warned()

    # Two reads are a second apart: this limit allows only one.
    apply(
        outputs,
        Live(SECRETIVE),
        state=tmp_path / "state",
        last=last,
        allow_stale=True,
        settle_within=0.5,
        observer=observer,
    )

    assert len(observer.reasons) == 1
    assert observer.reasons[0].startswith(f"{INSTANCE}, 0 s old: meta-data/network/interfaces/macs/ could not be read")


def test_failure_to_save_the_facts_fails_no_output(tmp_path: Path) -> None:
    (tmp_path / "state").touch()
    observer = Warned()

    changes = apply(
        [Output(File(tmp_path / "a"))],
        Live(SECRETIVE),
        state=tmp_path / "other state",
        last=LastFacts(tmp_path / "state"),
        observer=observer,
    )

    assert [change.kind for change in changes] == ["changed"]
    assert observer.reasons == [f"{tmp_path}/state/last.json: Not a directory"]


def test_dry_run_writes_no_files(tmp_path: Path, last: LastFacts) -> None:
    before = list(tmp_path.iterdir())

    apply([Output(File(tmp_path / "a"))], Live(SECRETIVE), state=tmp_path / "state", last=last, dry_run=True)

    assert list(tmp_path.iterdir()) == before


def test_unrepresentable_value_is_skipped_only_on_request(tmp_path: Path) -> None:
    source = Snapshot({"meta-data/instance-id": INSTANCE.encode(), "meta-data/kernel-id": b"a\nb"})
    observer = Warned()
    output = Output(File(tmp_path / "a"), "docker")

    with pytest.raises(EC2FactsError, match="docker cannot hold EC2_KERNEL_ID"):
        apply([output], source, state=tmp_path / "state")
    apply(
        [output._replace(env=EnvOptions(skip_unrepresentable=True))],
        source,
        state=tmp_path / "state",
        observer=observer,
    )

    assert observer.reasons == ["a EC2_KERNEL_ID: the value holds a newline"]
