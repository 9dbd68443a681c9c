from __future__ import annotations

import json
import os
import pty
import subprocess
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from ec2facts import instances
from ec2facts.imds.simulator.simulator import Simulator
from tests.cli.running import PROGRAM, Capture, call

BODIES = {
    "meta-data/ami-launch-index": {"body": "0"},
    "meta-data/hibernation/configured": {"body": "true"},
    "meta-data/security-groups": {"body": "one\ntwo é"},
    "meta-data/tags/instance/empty": {"body": ""},
    "meta-data/tags/instance/lines": {"body": "one\ntwo\n"},
    "meta-data/binary": {"body_b64": "/wA="},
}


@pytest.fixture
def snapshot(tmp_path: Path) -> Path:
    """Return a snapshot file with BODIES."""
    file = tmp_path / "snapshot.json"
    file.write_text(json.dumps(BODIES))
    return file


@pytest.mark.parametrize(
    ("name", "printed"),
    [
        ("ami_launch_index", b"0\n"),
        ("ami-launch-index", b"0\n"),
        ("hibernation_configured", b"true\n"),
        ("security_groups", '[\n  "one",\n  "two é"\n]\n'.encode()),
        ("security_groups.1", "two é\n".encode()),
        ("security-groups/", "one\ntwo é".encode()),
        ("tags.empty", b"\n"),
        ("tags.lines", b"one\ntwo\n"),
        ("tags/instance/", b"empty\nlines"),
        ("tags.*", b"\none\ntwo\n"),
        ("security_groups.*", "one\ntwo é\n".encode()),
        ("meta_data.binary", b'{\n  "base64": "/wA="\n}\n'),
        ("meta-data/binary", b"\xff\x00"),
    ],
)
def test_scalar_is_printed_bare_and_other_values_as_json(
    name: str, printed: bytes, snapshot: Path, capfdbinary: Capture
) -> None:
    outcome = call(capfdbinary, "get", name, "--from", snapshot)

    assert outcome == (0, printed, "")


def test_facts_are_printed_in_the_order_of_the_arguments(snapshot: Path, capfdbinary: Capture) -> None:
    outcome = call(capfdbinary, "get", "hibernation/configured", "ami_launch_index", "--from", snapshot)

    assert outcome.output == b"true\n0\n"


def test_absent_fact_prints_nothing_and_has_its_own_status(snapshot: Path, capfdbinary: Capture) -> None:
    outcome = call(capfdbinary, "get", "ami_launch_index", "mac", "--from", snapshot)

    assert outcome == (9, b"", "ec2facts: error: meta-data/mac is absent: the service answers 404\n")


def test_default_replaces_only_absent_facts(snapshot: Path, capfdbinary: Capture) -> None:
    outcome = call(capfdbinary, "get", "mac", "ami_launch_index", "tags.None", "--default", "none", "--from", snapshot)

    assert outcome == (0, b"none\n0\nnone\n", "")


@pytest.mark.parametrize("name", ["instance_idea", "network_interfaces.0.subnet"])
def test_default_does_not_hide_a_mistyped_name(name: str, capfdbinary: Capture) -> None:
    outcome = call(capfdbinary, "get", name, "--default", "x", "--simulate")

    assert (outcome.status, outcome.output) == (2, b"")
    assert "did you mean" in outcome.errors


def test_default_does_not_hide_an_unread_fact(tmp_path: Path, capfdbinary: Capture) -> None:
    file = tmp_path / "snapshot.json"
    file.write_text('{"meta-data/mac": {"status": 503}}')

    outcome = call(capfdbinary, "get", "mac", "--default", "x", "--from", file)

    assert (outcome.status, outcome.output) == (4, b"")


def test_json_is_one_object_by_name(snapshot: Path, capfdbinary: Capture) -> None:
    names = ["tags.lines", "ami-launch-index", "security_groups", "meta-data/binary", "tags.*"]

    outcome = call(capfdbinary, "get", "--json", *names, "--from", snapshot)

    assert (outcome.status, outcome.errors) == (0, "")
    assert json.loads(outcome.output) == {
        "tags.lines": "one\ntwo\n",
        "ami-launch-index": 0,
        "security_groups": ["one", "two é"],
        "meta-data/binary": {"base64": "/wA="},
        "tags.*": {"tags.empty": "", "tags.lines": "one\ntwo\n"},
    }


def test_json_holds_the_other_facts_if_one_is_absent(snapshot: Path, capfdbinary: Capture) -> None:
    outcome = call(capfdbinary, "get", "--json", "mac", "ami_launch_index", "--from", snapshot)

    assert (outcome.status, json.loads(outcome.output)) == (9, {"ami_launch_index": 0})
    assert outcome.errors == "ec2facts: error: meta-data/mac is absent: the service answers 404\n"


def test_null_ends_each_value_with_a_nul_byte(snapshot: Path, capfdbinary: Capture) -> None:
    outcome = call(capfdbinary, "get", "-0", "tags.lines", "tags.empty", "ami_launch_index", "--from", snapshot)

    assert outcome == (0, b"one\ntwo\n\0\0" + b"0\0", "")


def test_value_with_a_nul_byte_is_refused_with_null(snapshot: Path, capfdbinary: Capture) -> None:
    outcome = call(capfdbinary, "get", "-0", "meta-data/binary", "--from", snapshot)

    assert (outcome.status, outcome.output) == (6, b"")
    assert "meta-data/binary: the value holds a NUL byte" in outcome.errors


def test_json_and_null_exclude_each_other(capfdbinary: Capture) -> None:
    assert call(capfdbinary, "get", "--json", "-0", "instance_id", "--simulate").status == 2


def on_a_terminal(*arguments: str) -> tuple[int, bytes]:
    """Run a command on a terminal; return its status and its output."""
    ours, theirs = pty.openpty()
    with subprocess.Popen([PROGRAM, *arguments], stdout=theirs, stderr=theirs, stdin=subprocess.DEVNULL) as process:
        os.close(theirs)
        shown = b""
        with suppress(OSError):  # Linux raises EIO when the other end is closed
            while chunk := os.read(ours, 4096):
                shown += chunk
        os.close(ours)
    return process.returncode, shown


def test_binary_is_refused_on_a_terminal(snapshot: Path) -> None:
    status, shown = on_a_terminal("get", "meta-data/binary", "--from", str(snapshot))

    assert status == 2
    assert shown.replace(b"\r\n", b"\n") == (
        b"ec2facts: error: meta-data/binary is binary (2 bytes); write it to a file or a pipe, or use --json\n"
    )


def test_body_of_a_path_ends_with_a_newline_on_a_terminal(snapshot: Path) -> None:
    assert on_a_terminal("get", "ami-launch-index/", "--from", str(snapshot)) == (0, b"0\r\n")


def test_document_is_written_unchanged_so_that_its_signature_verifies(
    tmp_path: Path, program: Callable[..., str], capfdbinary: Capture
) -> None:
    openssl = program("openssl")
    key, public, document, signature = (tmp_path / name for name in ("key", "public", "document", "signature"))
    text = '{\n  "accountId" : "123456789012",\n  "region" : "us-east-1"\n}'
    file = tmp_path / "snapshot.json"
    file.write_text(json.dumps({"dynamic/instance-identity/document": {"body": text}}))
    (tmp_path / "signed").write_text(text)
    run = partial(subprocess.run, check=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
    run([openssl, "genrsa", "-out", key, "2048"])
    run([openssl, "rsa", "-in", key, "-pubout", "-out", public])
    run([openssl, "dgst", "-sha256", "-sign", key, "-out", signature, tmp_path / "signed"])

    document.write_bytes(call(capfdbinary, "get", "dynamic/instance-identity/document", "--from", file).output)

    verified: Any = run([openssl, "dgst", "-sha256", "-verify", public, "-signature", signature, document])
    assert verified.stdout == b"Verified OK\n"


@pytest.mark.parametrize(
    ("name", "status", "message"),
    [
        ("tags/Name", 9, "use tags.Name or the path tags/instance/Name"),
        ("network_interfaces.5.mac", 9, "there is 1 interface: 0"),
        ("iam_role_name", 9, "no role is attached to this instance"),
        ("tags.Name", 9, "aws ec2 modify-instance-metadata-options --instance-id "),
        ("vpcid", 2, "there is no fact 'vpcid' (did you mean 'vpc_id', which is network_interfaces.0.vpc_id?)"),
        ("local-ipv", 2, "(did you mean 'local-ipv4', which is private_ipv4?)"),
    ],
)
def test_error_names_the_problem_and_the_remedy(
    name: str, status: int, message: str, tmp_path: Path, capfdbinary: Capture
) -> None:
    file = tmp_path / "snapshot.json"
    file.write_text('{"meta-data/network/interfaces/macs/02:00:5e:00:53:11/mac": {"body": "02:00:5e:00:53:11"}}')

    outcome = call(capfdbinary, "get", name, "--from", file)

    assert (outcome.status, outcome.output) == (status, b"")
    assert message in outcome.errors


def test_single_fact_is_one_token_and_one_request(capfdbinary: Capture) -> None:
    simulator = Simulator(instances.load("plain"))

    with simulator as url:
        call(capfdbinary, "get", "instance_id", "--endpoint", url)

    requests = [(request.method, request.path) for request in simulator.requests]
    assert requests == [("PUT", "api/token"), ("GET", "meta-data/instance-id")]


def test_withheld_fact_is_printed_when_it_is_included(capfdbinary: Capture) -> None:
    outcome = call(capfdbinary, "get", "user_data", "--include", "user_data", "--simulate", "awkward")

    assert outcome.output == instances.load("awkward").read("user-data")


def test_name_parsed_as_an_instance_is_explained(capfdbinary: Capture) -> None:
    outcome = call(capfdbinary, "get", "--simulate", "instance_id")

    assert outcome.status == 2
    assert "no simulated instance 'instance_id'" in outcome.errors
    assert "put other arguments before --simulate" in outcome.errors


def test_name_that_is_not_utf_8_is_a_usage_error(capfdbinary: Capture) -> None:
    outcome = call(capfdbinary, "get", "tags/\udcff", "--simulate")

    assert outcome.status == 2
    assert "'tags/\\udcff'" in outcome.errors


@pytest.mark.parametrize("command", [["get", "tags"], ["get", "tags.*"], ["dump"], ["env"], ["dump", "--only", "tags"]])
def test_tag_that_looks_like_a_secret_is_named_in_a_warning(
    command: list[str], tmp_path: Path, capfdbinary: Capture
) -> None:
    directory = "meta-data/tags/instance/"
    file = tmp_path / "snapshot.json"
    file.write_text(
        json.dumps(
            {
                "meta-data/instance-id": {"body": "i-1234567890abcdef0"},
                f"{directory}Name": {"body": "web"},
                f"{directory}db": {"body": "postgres://app:EXAMPLE@db.example.com"},
            }
        )
    )

    outcome = call(capfdbinary, *command, "--from", file)

    assert outcome.status == 0
    assert b"web" in outcome.output
    assert b"EXAMPLE" not in outcome.output
    assert outcome.errors == (
        "ec2facts: warning: the tag db is withheld: its value looks like a secret; "
        f"include it with --include {directory}db\n"
    )
