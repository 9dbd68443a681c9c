from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from ec2facts import Snapshot, instances
from ec2facts.apply.last_facts import Identity, LastFacts
from ec2facts.collection.crawl import crawl
from ec2facts.errors import StaleError
from ec2facts.imds.source import Source

PLAIN = "i-1234567890abcdef0"


class Service:
    """A source with a name, live or not; it is never read."""

    def __init__(self, *, is_live: bool = True, name: str = "http://169.254.169.254") -> None:
        self.is_live = is_live
        self.name = name

    def get(self, path: str) -> bytes | None:
        raise NotImplementedError


LIVE = Service()


@pytest.fixture
def identity(tmp_path: Path) -> Identity:
    """Return the identity of a machine in its first boot, without an instance id."""
    machine = Identity(tmp_path / "asset", tmp_path / "boot")
    machine.boot_id.write_text("first\n")
    return machine


@pytest.fixture
def last(tmp_path: Path, identity: Identity) -> LastFacts:
    """Return the last facts of the plain instance."""
    facts = LastFacts(tmp_path / "state", identity)
    facts.keep(crawl(instances.load("plain")), LIVE)
    return facts


def test_read_returns_the_kept_snapshot(last: LastFacts) -> None:
    assert last.read(LIVE).snapshot.bodies == crawl(instances.load("plain")).bodies


def test_last_facts_have_mode_0600(last: LastFacts, tmp_path: Path) -> None:
    files = list((tmp_path / "state").iterdir())

    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}


def test_included_fact_is_not_kept(tmp_path: Path, identity: Identity) -> None:
    body = b"password of the database"
    source = Snapshot({"meta-data/instance-id": PLAIN.encode(), "user-data": body})
    facts = LastFacts(tmp_path / "state", identity)

    facts.keep(crawl(source, include=["user_data"]), LIVE, include=["user_data"])

    assert [file for file in (tmp_path / "state").iterdir() if body in file.read_bytes()] == []
    assert facts.read(LIVE).snapshot.bodies["meta-data/instance-id"] == PLAIN.encode()


def test_last_facts_that_others_can_write_are_refused(last: LastFacts, tmp_path: Path) -> None:
    (tmp_path / "state").chmod(0o777)

    with pytest.raises(StaleError, match="everybody can write to"):
        last.read(LIVE)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can change the owner of a directory")
def test_last_facts_are_not_written_through_the_symlink_of_another_user(tmp_path: Path, identity: Identity) -> None:
    state, victim = tmp_path / "state", tmp_path / "victim"
    victim.write_bytes(b"precious")
    state.mkdir()
    (state / "last.json").symlink_to(victim)
    os.chown(state / "last.json", 65534, 65534, follow_symlinks=False)
    os.chown(state, 65534, 65534)

    with pytest.raises(PermissionError, match="state belongs to nobody, who can change it"):
        LastFacts(state, identity).keep(crawl(instances.load("plain")), LIVE)

    assert victim.read_bytes() == b"precious"


def test_unchanged_facts_are_not_written_again(last: LastFacts, tmp_path: Path) -> None:
    before = [file.stat() for file in sorted((tmp_path / "state").iterdir())]

    last.keep(crawl(instances.load("plain")), LIVE)

    after = [file.stat() for file in sorted((tmp_path / "state").iterdir())]
    assert [status.st_ino for status in after] == [status.st_ino for status in before]


def test_facts_of_another_instance_are_refused(last: LastFacts, identity: Identity) -> None:
    identity.instance_id.write_text("i-0fedcba9876543210\n")

    with pytest.raises(StaleError, match=f"another instance: {PLAIN}, and this one is i-0fedcba9876543210"):
        last.read(LIVE)


def test_facts_of_this_instance_are_valid_in_another_boot(last: LastFacts, identity: Identity) -> None:
    identity.instance_id.write_text(f"{PLAIN}\n")
    identity.boot_id.write_text("second\n")

    assert last.read(LIVE).snapshot.bodies["meta-data/instance-id"] == PLAIN.encode()


@pytest.mark.parametrize("asset", [None, "Not Specified\n", ""])
@pytest.mark.parametrize("boot", [None, "second\n", ""])
def test_facts_are_refused_when_the_instance_is_unknown(
    last: LastFacts, identity: Identity, asset: str | None, boot: str | None
) -> None:
    identity.boot_id.unlink()
    for file, content in ((identity.instance_id, asset), (identity.boot_id, boot)):
        if content is not None:
            file.write_text(content)

    with pytest.raises(StaleError, match="from before this boot"):
        last.read(LIVE)


def test_withheld_facts_are_not_in_the_last_facts(last: LastFacts) -> None:
    with pytest.raises(StaleError, match="withheld facts, such as user_data"):
        last.read(LIVE, include=["user_data"])


def test_no_last_facts_exist_before_a_complete_run(tmp_path: Path, identity: Identity) -> None:
    with pytest.raises(StaleError, match="there are no last facts"):
        LastFacts(tmp_path / "state", identity).read(LIVE)


@pytest.mark.parametrize("content", ["{", "[]", '{"meta-data/mac": 1}'])
def test_malformed_last_facts_are_refused(last: LastFacts, tmp_path: Path, content: str) -> None:
    (tmp_path / "state" / "last.json").write_text(content)

    with pytest.raises(StaleError, match="there are no last facts"):
        last.read(LIVE)


def test_age_counts_from_the_last_complete_run(tmp_path: Path, identity: Identity) -> None:
    now = [1_700_000_000.0]
    facts = LastFacts(tmp_path / "state", identity, clock=lambda: now[0])
    facts.keep(crawl(instances.load("plain")), LIVE)
    now[0] += 1000
    facts.keep(crawl(instances.load("plain")), LIVE)
    now[0] += 60

    last = facts.read(LIVE)

    assert (last.instance_id, last.age) == (PLAIN, 60)


@pytest.mark.parametrize("bodies", [{}, {"meta-data/instance-id": b""}, {"meta-data/mac": b"m"}])
def test_facts_without_an_instance_id_are_neither_kept_nor_used(
    tmp_path: Path, identity: Identity, bodies: dict[str, bytes]
) -> None:
    facts = LastFacts(tmp_path / "state", identity)
    facts.keep(Snapshot(bodies), LIVE)
    assert not (tmp_path / "state").exists()

    facts.keep(crawl(instances.load("plain")), LIVE)
    (tmp_path / "state/last.json").write_bytes(Snapshot(bodies).dump())

    with pytest.raises(StaleError, match="hold no instance id"):
        facts.read(LIVE)


def test_facts_of_the_instance_in_the_snapshot_are_used(last: LastFacts) -> None:
    assert last.read(LIVE, Snapshot({"meta-data/instance-id": PLAIN.encode()})).instance_id == PLAIN

    with pytest.raises(StaleError, match=f"another instance: {PLAIN}, and this one is i-0"):
        last.read(LIVE, Snapshot({"meta-data/instance-id": b"i-0"}))


def test_facts_of_another_endpoint_are_refused(last: LastFacts) -> None:
    with pytest.raises(StaleError, match=r"were read from another endpoint, http://169\.254\.169\.254"):
        last.read(Service(name="http://[fd00:ec2::254]"))


@pytest.mark.parametrize("source", [Service(is_live=False, name="http://127.0.0.1:1338"), Snapshot({})])
def test_only_facts_of_the_live_service_are_kept_and_replaced(
    tmp_path: Path, identity: Identity, source: Source
) -> None:
    facts = LastFacts(tmp_path / "state", identity)
    facts.keep(crawl(instances.load("plain")), source)
    assert not (tmp_path / "state").exists()

    facts.keep(crawl(instances.load("plain")), LIVE)

    with pytest.raises(StaleError, match="is not this machine's own service"):
        facts.read(source)
