"""The peers, and the installation of each in its own environment."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import NamedTuple

from ec2facts.imds.snapshot import Snapshot
from tests.benchmarks.report import Reading
from tests.benchmarks.running import Collector, FailedError, Service, count, medians

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ec2facts-benchmarks"


class MissingError(Exception):
    """A peer cannot be installed; the message says why."""


class Peer(NamedTuple):
    """Another program that reads the service."""

    name: str
    what: str
    """The part of the peer that is measured."""
    collector: str
    """The module in ``collectors/``, followed by a colon and the function unless that is ``collect``."""
    requirements: Sequence[str]
    """The packages that pip installs."""
    package: str = ""
    """The package that apt-get downloads, which is unpacked beside those of pip."""


EC2_METADATA_3 = ("ec2-metadata==3.*",)

EC2_METADATA_2 = ("ec2-metadata==2.17.*",)

OURS = Peer("ec2facts", "the crawl and the facts", "ours", ())

PEERS = (
    Peer("ec2facts", "the first attribute of `EC2Metadata()`", "ours:collect_first", ()),
    Peer("ec2-metadata", "its first attribute", "ec2_metadata:collect_first", EC2_METADATA_3),
    Peer("ec2-metadata", "its first attribute", "ec2_metadata:collect_first", EC2_METADATA_2),
    Peer("ec2-metadata", "all attributes", "ec2_metadata", EC2_METADATA_3),
    Peer("ec2-metadata", "only the attributes of the instance", "ec2_metadata:collect_instance", EC2_METADATA_3),
    Peer("ec2-metadata", "all attributes", "ec2_metadata", EC2_METADATA_2),
    Peer("Ansible", "the collector class of `ec2_metadata_facts`", "ansible", ("ansible",)),
    Peer(
        "cloud-init",
        "the crawl of its data source Ec2",
        "cloud_init",
        ("configobj", "jinja2", "jsonpatch", "jsonschema", "oauthlib", "pyserial", "pyyaml", "requests"),
        "cloud-init",
    ),
)


def install(peer: Peer, cache: Path = CACHE) -> str:
    """Return the interpreter of the peer's environment, created on demand; raise MissingError if that fails."""
    version = ".".join(map(str, sys.version_info[:2]))
    environment = cache / f"python{version}" / re.sub("[^a-z0-9.]+", "-", f"{peer.name}-{peer.requirements[0]}".lower())
    python = environment / "bin" / "python"
    done = environment / "installed"
    if done.exists() and done.read_text() == repr((peer.requirements, peer.package)):
        return str(python)
    _run([sys.executable, "-m", "venv", "--clear", str(environment)])
    _run([str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *peer.requirements])
    if peer.package:
        _run(["apt-get", "download", "--quiet", peer.package], cwd=environment)
        for archive in environment.glob("*.deb"):
            _run(["dpkg-deb", "--extract", str(archive), str(environment)])
        unpacked = environment / "usr" / "lib" / "python3" / "dist-packages"
        (environment / "lib" / f"python{version}" / "site-packages" / "unpacked.pth").write_text(str(unpacked))
    done.write_text(repr((peer.requirements, peer.package)))
    return str(python)


def _run(command: list[str], *, cwd: Path | None = None) -> None:
    try:
        done = subprocess.run(command, cwd=cwd, capture_output=True, check=False, encoding="utf-8")
    except FileNotFoundError as error:
        raise MissingError(f"there is no {command[0]}") from error
    if done.returncode:
        message = done.stderr.strip() or done.stdout.strip() or f"{command[0]} ended with status {done.returncode}"
        raise MissingError(message.splitlines()[-1])


def readings(tree: Snapshot, rounds: int, peers: Sequence[Peer] = PEERS) -> list[Reading]:
    """Return how ec2facts and each peer read ``tree``, or the reason why a peer cannot."""
    with ExitStack() as stack:
        service = stack.enter_context(Service(tree))
        tried = {peer: _loaded(peer, service, stack) for peer in (OURS, *peers)}
        collectors = {peer: found for peer, found in tried.items() if isinstance(found, Collector)}
        counts = {peer: count(collector, service) for peer, collector in collectors.items()}
        seconds = medians({peer: partial(collector.seconds, service) for peer, collector in collectors.items()}, rounds)
    return [
        Reading(f"{peer.name} {found.version}", peer.what, seconds[peer] * 1000, *counts[peer])
        if isinstance(found, Collector)
        else Reading(peer.name, peer.what, note=found)
        for peer, found in tried.items()
    ]


def _loaded(peer: Peer, service: Service, stack: ExitStack) -> Collector | str:
    """Return the peer's collector after one collection, or the reason why it fails."""
    try:
        python = install(peer) if peer.requirements else sys.executable
        collector = stack.enter_context(Collector(peer.collector, python=python))
        collector.seconds(service)
    except (MissingError, FailedError) as error:
        return str(error)
    return collector
