"""Outputs from one collection: all rendered before any is touched, each with what it may hold."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from ec2facts import Snapshot, instances
from ec2facts.apply.last_facts import Identity, LastFacts
from ec2facts.apply.observer import ApplyObserver
from ec2facts.apply.outputs import Output, Variables
from ec2facts.apply.run import apply
from ec2facts.errors import (
    EC2FactsError,
    IncompleteError,
    StaleError,
    TemplateError,
    UnavailableError,
    UsageError,
)
from ec2facts.imds.source import Source
from ec2facts.install import File
from tests.install.conftest import Recorder as InstallRecorder
from tests.install.conftest import identity

INSTANCE = "i-1234567890abcdef0"
SECRET = "hunter2 in user data"

SECRETIVE = Snapshot({"meta-data/instance-id": INSTANCE.encode(), "user-data": SECRET.encode()})
UNREAD = Snapshot.parse(b'{"meta-data/instance-id": {"body": "i-0"}, "meta-data/mac": {"status": 500}}')


class Counting:
    """A source that counts how often each path is asked for."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.asked: dict[str, int] = {}

    def get(self, path: str) -> bytes | None:
        self.asked[path] = self.asked.get(path, 0) + 1
        return self.source.get(path)


class Down:
    """A service that is not there."""

    def get(self, path: str) -> bytes | None:
        raise UnavailableError("http://127.0.0.1:1", "connection refused")


class Recorder(ApplyObserver, InstallRecorder):
    """Remembers the events of installs."""


class Warned(ApplyObserver):
    """Remembers warnings."""

    def unread(self, path: str, reason: str) -> None:
        self.reasons.append(f"{path}: {reason}")

    def __init__(self) -> None:
        self.reasons: list[str] = []

    def stale(self, error: EC2FactsError) -> None:
        self.reasons.append(str(error))

    def left_out(self, file: File, name: str, reason: str) -> None:
        self.reasons.append(f"{file.path.name} {name}: {reason}")


@pytest.fixture
def last(tmp_path: Path) -> LastFacts:
    """Return where the last facts of a machine are kept that tells which instance it is."""
    (tmp_path / "asset").write_text(INSTANCE)
    return LastFacts(tmp_path / "state", Identity(tmp_path / "asset", tmp_path / "boot"))


def test_every_kind_of_output_comes_from_one_collection(tmp_path: Path) -> None:
    source = Counting(instances.load("plain"))
    (tmp_path / "t.j2").write_text("{{ instance_id }}\n")
    outputs = [
        Output(File(tmp_path / "a.json")),
        Output(File(tmp_path / "a.yaml"), "yaml"),
        Output(File(tmp_path / "a.env"), "docker", variables=Variables(only=["instance_id"], prefix="MY_")),
        Output(File(tmp_path / "a.conf"), template=str(tmp_path / "t.j2")),
    ]

    changes = apply(outputs, source, state=tmp_path / "state")

    assert [change.kind for change in changes] == ["changed"] * 4
    assert set(source.asked.values()) == {1}
    assert (tmp_path / "a.env").read_text() == f"MY_INSTANCE_ID={INSTANCE}\n"
    assert (tmp_path / "a.conf").read_text() == f"{INSTANCE}\n"


def test_second_run_writes_nothing(tmp_path: Path, last: LastFacts) -> None:
    outputs = [Output(File(tmp_path / "a.json"))]
    apply(outputs, instances.load("plain"), state=tmp_path / "state", last=last)
    before = [identity(file) for file in tmp_path.rglob("*") if file.is_file()]

    apply(outputs, instances.load("plain"), state=tmp_path / "state", last=last)

    assert [identity(file) for file in tmp_path.rglob("*") if file.is_file()] == before


def test_secret_is_only_in_the_output_that_includes_it(tmp_path: Path, last: LastFacts) -> None:
    outputs = [Output(File(tmp_path / "open")), Output(File(tmp_path / "secret"), include=("user_data",))]

    apply(outputs, SECRETIVE, state=tmp_path / "state", last=last)

    holding = [file for file in tmp_path.rglob("*") if file.is_file() and SECRET in file.read_text()]
    assert holding == [tmp_path / "secret"]
    assert stat.S_IMODE(holding[0].stat().st_mode) == 0o600


def test_template_error_leaves_every_file(tmp_path: Path) -> None:
    (tmp_path / "wrong.j2").write_text("{{ nothing }}")
    outputs = [Output(File(tmp_path / "a")), Output(File(tmp_path / "b"), template=str(tmp_path / "wrong.j2"))]

    with pytest.raises(TemplateError):
        apply(outputs, SECRETIVE, state=tmp_path / "state")

    assert not (tmp_path / "a").exists()


def test_all_that_cannot_be_rendered_is_told_at_once(tmp_path: Path) -> None:
    source = Snapshot({"meta-data/instance-id": INSTANCE.encode(), "meta-data/kernel-id": b"a\nb"})
    for name in ("one", "two"):
        (tmp_path / f"{name}.j2").write_text("{{ nothing }}")
    recorder = Recorder()

    with pytest.raises(TemplateError, match=r"one\.j2:1: "):
        apply(
            [
                Output(File(tmp_path / "a"), template=str(tmp_path / "one.j2")),
                Output(File(tmp_path / "b"), "docker"),
                Output(File(tmp_path / "c"), template=str(tmp_path / "two.j2")),
            ],
            source,
            state=tmp_path / "state",
            observer=recorder,
        )

    assert [told.partition(": ")[0] for told in recorder.told] == [f"{tmp_path}/b", f"{tmp_path}/two.j2:1"]


def test_what_only_includes_could_choose_names_the_output(tmp_path: Path) -> None:
    output = Output(File(tmp_path / "a"), "sh", variables=Variables(only=["user_data"]))

    with pytest.raises(UsageError, match=f"^{tmp_path}/a: user_data is withheld"):
        apply([output], SECRETIVE, state=tmp_path / "state")


def test_unread_fact_leaves_every_file_unless_that_is_allowed(tmp_path: Path) -> None:
    outputs = [Output(File(tmp_path / "a"))]

    with pytest.raises(IncompleteError):
        apply(outputs, UNREAD, state=tmp_path / "state")

    assert not (tmp_path / "a").exists()
    observer = Warned()
    apply(outputs, UNREAD, state=tmp_path / "state", allow_partial=True, observer=observer)
    assert (tmp_path / "a").exists()
    assert observer.reasons == ["meta-data/mac: HTTP 500"]


@pytest.mark.parametrize("source", [Down(), UNREAD], ids=["down", "unread"])
def test_last_facts_stand_in_if_that_is_allowed(tmp_path: Path, last: LastFacts, source: Source) -> None:
    outputs = [Output(File(tmp_path / "a"))]
    apply(outputs, SECRETIVE, state=tmp_path / "state", last=last)
    written = (tmp_path / "a").read_bytes()
    (tmp_path / "a").unlink()
    observer = Warned()

    apply(outputs, source, state=tmp_path / "state", last=last, allow_stale=True, observer=observer)

    assert (tmp_path / "a").read_bytes() == written
    assert len(observer.reasons) == 1


def test_without_leave_the_last_facts_do_not_stand_in(tmp_path: Path, last: LastFacts) -> None:
    outputs = [Output(File(tmp_path / "a"))]
    apply(outputs, SECRETIVE, state=tmp_path / "state", last=last)
    before = identity(tmp_path / "a")

    with pytest.raises(UnavailableError):
        apply(outputs, Down(), state=tmp_path / "state", last=last)

    assert identity(tmp_path / "a") == before


@pytest.mark.parametrize("reason", ["another instance", "withheld", "no last facts"])
def test_last_facts_that_cannot_stand_in_leave_every_file(tmp_path: Path, last: LastFacts, reason: str) -> None:
    outputs = [Output(File(tmp_path / "a"), include=("user_data",) if reason == "withheld" else ())]
    apply(outputs, SECRETIVE, state=tmp_path / "state", last=last)
    if reason == "another instance":
        (tmp_path / "asset").write_text("i-0fedcba9876543210")
    if reason == "no last facts":
        (tmp_path / "state" / "last.json").unlink()
    before = identity(tmp_path / "a")

    with pytest.raises(StaleError, match=f"connection refused; .*{reason}"):
        apply(outputs, Down(), state=tmp_path / "state", last=last, allow_stale=True)

    assert identity(tmp_path / "a") == before


def test_partial_facts_are_not_the_last(tmp_path: Path, last: LastFacts) -> None:
    outputs = [Output(File(tmp_path / "a"))]

    apply(outputs, UNREAD, state=tmp_path / "state", last=last, allow_partial=True)

    with pytest.raises(StaleError):
        last.read()


def test_dry_run_keeps_nothing(tmp_path: Path, last: LastFacts) -> None:
    before = list(tmp_path.iterdir())

    apply([Output(File(tmp_path / "a"))], SECRETIVE, state=tmp_path / "state", last=last, dry_run=True)

    assert list(tmp_path.iterdir()) == before


def test_what_a_format_cannot_hold_is_left_out_only_where_that_is_asked_for(tmp_path: Path) -> None:
    source = Snapshot({"meta-data/instance-id": INSTANCE.encode(), "meta-data/kernel-id": b"a\nb"})
    observer = Warned()
    output = Output(File(tmp_path / "a"), "docker")

    with pytest.raises(EC2FactsError, match="docker cannot hold EC2_KERNEL_ID"):
        apply([output], source, state=tmp_path / "state")
    apply(
        [output._replace(variables=Variables(skip_unrepresentable=True))],
        source,
        state=tmp_path / "state",
        observer=observer,
    )

    assert observer.reasons == ["a EC2_KERNEL_ID: the value holds a newline"]
