from __future__ import annotations

import base64
import gzip
import json
import re
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ec2facts import instances
from ec2facts.collection.withholding import WITHHELD_NAMES
from ec2facts.imds.simulator.simulator import Simulator
from ec2facts.imds.snapshot import Snapshot
from ec2facts.render.env_formats import FORMATS
from ec2facts.render.tree import TREE_FORMATS
from tests.cli.running import PROGRAM, Capture, call, parsers, started

EVERY_FORMAT = [f"env --only * --skip-unrepresentable -f {form}" for form in FORMATS]
EVERYTHING = [
    "dump -f json",
    "dump -f yaml",
    "snapshot",
    "show",
    "show meta_data",
    "show -f html",
    "get meta_data dynamic collection",
    "get /",
    *EVERY_FORMAT,
]


def file_of(name: str) -> Path:
    """Return the file of a simulated instance."""
    return Path(instances.__file__).parent / f"{name}.json"


def secrets(name: str) -> dict[str, set[bytes]]:
    """Return the secrets of a simulated instance by path, in every form that an output could have."""
    found: dict[str, set[bytes]] = {}
    for path, body in Snapshot.load(file_of(name)).bodies.items():
        # These patterns are independent of the package; they match the secrets of the simulated instances.
        values = set(re.findall(rb'"(?:AccessKeyId|SecretAccessKey|Token)"\s*:\s*"([^"]+)"', body))
        if path == "user-data":
            text = gzip.decompress(body) if body.startswith(b"\x1f\x8b") else body
            values |= {line for line in text.split(b"\n") if b"password" in line}
            values.add(base64.b64encode(body)[:60])
            values.add(body[:40])
        elif re.fullmatch("dynamic/instance-identity/(pkcs7|rsa2048|dsa2048|signature)", path):
            values |= set(body.split(b"\n"))
        elif "/security-credentials/" in path and not path.endswith("/"):
            assert values, path
        if values:
            found[path] = values
    return found


def strings(value: Any) -> Iterator[str]:
    """Yield every text in a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, (dict, list)):
        for child in value.values() if isinstance(value, dict) else value:
            yield from strings(child)


@pytest.mark.parametrize("command", EVERYTHING)
@pytest.mark.parametrize("name", instances.names())
def test_no_secret_is_in_any_output(name: str, command: str, capfdbinary: Capture) -> None:
    status, output, errors = call(capfdbinary, *command.split(), "--from", file_of(name))

    assert (status, bool(output)) == (0, True)
    for path, values in secrets(name).items():
        assert [value for value in values if value in output + errors.encode()] == [], path


@pytest.mark.parametrize("name", instances.names())
def test_no_secret_is_in_a_template_with_all_facts(name: str, tmp_path: Path, capfdbinary: Capture) -> None:
    template = tmp_path / "template"
    template.write_text("{{ facts | to_json }}\n")

    status, output, _ = call(capfdbinary, "render", template, "--from", file_of(name))

    assert (status, "instance_id" in json.loads(output)) == (0, True)
    assert [value for values in secrets(name).values() for value in values if value in output] == []


@pytest.mark.parametrize("name", instances.names())
def test_no_secret_is_in_anything_that_apply_writes(name: str, tmp_path: Path, capfdbinary: Capture) -> None:
    config = tmp_path / "config.yaml"
    (tmp_path / "all.j2").write_text("{{ facts | to_json }}\n")
    outputs = [{"path": form, "format": form} for form in TREE_FORMATS]
    outputs.append({"path": "all", "template": "./all.j2"})
    config.write_text(json.dumps({"outputs": outputs}))

    status, output, errors = call(
        capfdbinary, "apply", config, "--diff", "--state", tmp_path / "state", "--from", file_of(name)
    )

    assert (status, output.count(b"instance_id") > 2) == (0, True)
    written = b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())
    for values in secrets(name).values():
        assert [value for value in values if value in written + output + errors.encode()] == []


def test_every_command_that_reads_facts_is_searched_for_secrets() -> None:
    reading = {name for name, parser in parsers().items() if "--include" in parser.format_usage()}

    assert reading == {*(command.partition(" ")[0] for command in EVERYTHING), "render", "apply"}


@pytest.mark.parametrize("name", instances.names())
def test_error_for_a_withheld_fact_holds_no_secret(name: str, capfdbinary: Capture) -> None:
    for path, values in secrets(name).items():
        outcome = call(capfdbinary, "get", f"/{path}", "--from", file_of(name))

        assert (outcome.status, outcome.output) == (1, b"")
        assert "--include" in outcome.errors
        assert [value for value in values if value in outcome.errors.encode()] == []


@pytest.mark.parametrize("name", instances.names())
def test_every_secret_is_in_the_output_that_includes_it(name: str, capfdbinary: Capture) -> None:
    hidden = secrets(name)
    include = [
        word for path in (*WITHHELD_NAMES, *(path for path in hidden if "/" in path)) for word in ("--include", path)
    ]

    outcome = call(capfdbinary, "dump", *include, "--from", file_of(name))

    shown = "\n".join(strings(json.loads(outcome.output))).encode()
    assert [path for path, values in hidden.items() if not any(value in shown for value in values)] == []


@pytest.mark.parametrize("name", instances.names())
def test_captured_served_and_simulated_facts_are_the_same_bytes(name: str, capfdbinary: Capture) -> None:
    captured = call(capfdbinary, "dump", "--from", file_of(name))
    simulated = call(capfdbinary, "dump", "--simulate", name)
    with started(PROGRAM, "serve", file_of(name), "--port", 0) as process:
        assert process.stdout is not None
        served = call(capfdbinary, "dump", "--endpoint", process.stdout.readline().decode().strip())

    assert captured.status == 0
    assert served == captured
    assert simulated == captured


def test_sources_exclude_each_other(capfdbinary: Capture) -> None:
    outcome = call(capfdbinary, "dump", "--simulate", "--from", "file")

    assert outcome.status == 2
    assert "--from: not allowed with argument --simulate" in outcome.errors


def test_help_names_every_instance_and_every_withheld_fact(
    monkeypatch: pytest.MonkeyPatch, capfdbinary: Capture
) -> None:
    monkeypatch.setenv("COLUMNS", "1000")

    text = call(capfdbinary, "dump", "--help").output.decode()

    assert [name for name in (*instances.names(), *WITHHELD_NAMES) if name not in text] == []


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        ("--timeout soon", "'soon' is not a number of seconds from 0.001 to 86400"),
        ("--timeout 0", "'0' is not a number of seconds from 0.001 to 86400"),
        ("--timeout 1e300", "'1e300' is not a number of seconds from 0.001 to 86400"),
        ("--timeout nan", "'nan' is not a number of seconds from 0.001 to 86400"),
        ("--wait -1", "'-1' is not a number of seconds from 0 to 86400"),
        ("--max-rate -1", "'-1' is not a whole number from 0 to 1000000"),
        ("--max-rate 1e-300", "'1e-300' is not a whole number from 0 to 1000000"),
    ],
)
def test_invalid_number_is_refused_with_the_limits(command: str, reason: str, capfdbinary: Capture) -> None:
    outcome = call(capfdbinary, "dump", "--simulate", *command.split())

    assert outcome.status == 2
    assert f"argument {command.split()[0]}: {reason};" in outcome.errors


def test_allow_partial_writes_the_other_facts(tmp_path: Path, capfdbinary: Capture) -> None:
    file = tmp_path / "snapshot.json"
    file.write_text('{"meta-data/mac": {"status": 500}, "meta-data/hostname": {"body": "here"}}')

    status, output, errors = call(capfdbinary, "dump", "--from", file, "--allow-partial")

    assert (status, errors) == (0, "ec2facts: warning: meta-data/mac could not be read: HTTP 500\n")
    assert json.loads(output)["collection"]["unread"] == {"meta-data/mac": "HTTP 500"}
    assert json.loads(output)["hostname"] == "here"


def test_timeout_limits_the_wait_for_an_answer(monkeypatch: pytest.MonkeyPatch, capfdbinary: Capture) -> None:
    monkeypatch.setenv("AWS_METADATA_SERVICE_NUM_ATTEMPTS", "1")

    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}"
        outcome = call(capfdbinary, "get", "mac", "--endpoint", endpoint, "--timeout", "0.05")

    assert outcome.status == 3
    assert "no answer within 0.05 s" in outcome.errors


def test_wait_lasts_until_the_service_comes_up(capfdbinary: Capture) -> None:
    simulator = Simulator({"meta-data/mac": b"m"})
    with simulator as url:
        pass  # now the port is known
    timer = threading.Timer(0.1, simulator.__enter__)
    timer.start()

    outcome = call(capfdbinary, "get", "mac", "--endpoint", url, "--wait", "20")

    timer.join()
    simulator.__exit__()
    assert (outcome.status, outcome.output) == (0, b"m\n")


def test_max_rate_slows_requests_down(capfdbinary: Capture) -> None:
    with Simulator({"meta-data/mac": b"m"}) as url:
        begin = time.monotonic()
        outcome = call(capfdbinary, "get", "mac", "mac", "--endpoint", url, "--max-rate", "2")
        seconds = time.monotonic() - begin

    assert outcome.status == 0
    assert seconds > 0.4
