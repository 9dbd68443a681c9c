from __future__ import annotations

import json
import signal
import time
from pathlib import Path

import pytest

from ec2facts import instances
from ec2facts.apply.config_keys import json_schema
from ec2facts.cli import apply
from ec2facts.cli.apply_printer import ApplyPrinter
from ec2facts.cli.install_options import PlanOptions
from ec2facts.errors import UnavailableError
from ec2facts.imds.simulator.simulator import Simulator
from tests.cli.running import PROGRAM, Capture, Outcome, call, execute, started

CONFIG = """
outputs:
  - path: env
    format: systemd
    mode: "0640"
  - path: motd
    template: motd
    command: echo "$EC2FACTS_CHANGED" >> log
"""


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a config with two outputs; state is beside it."""
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "ec2facts.yaml"
    file.write_text(CONFIG)
    return file


def lines(outcome: Outcome) -> list[str]:
    return outcome.errors.splitlines()


def test_each_file_and_command_is_a_line_on_standard_error(config: Path, capfdbinary: Capture) -> None:
    first = call(capfdbinary, "apply", config, "--simulate")
    second = call(capfdbinary, "apply", config, "--simulate")

    command = 'echo "$EC2FACTS_CHANGED" >> log'
    assert first.status == second.status == 0
    assert first.output == second.output == b""
    assert lines(first) == [
        f"ec2facts: changed {config.parent}/env",
        f"ec2facts: changed {config.parent}/motd",
        f"ec2facts: running {command}",
    ]
    assert lines(second) == [f"ec2facts: unchanged {config.parent}/{name}" for name in ("env", "motd")]
    assert (config.parent / "log").read_text() == f"{config.parent}/motd\n"


def test_repair_is_printed_with_old_and_new_mode(config: Path, capfdbinary: Capture) -> None:
    call(capfdbinary, "apply", config, "--simulate")
    (config.parent / "env").chmod(0o600)

    outcome = call(capfdbinary, "apply", config, "--simulate")

    assert lines(outcome)[0] == f"ec2facts: repaired {config.parent}/env: mode 0640, was 0600"


def test_exit_code_reports_changes_and_changes_of_a_dry_run(config: Path, capfdbinary: Capture) -> None:
    statuses = [
        call(capfdbinary, "apply", config, "--simulate", "--exit-code", *options).status
        for options in (["--dry-run"], [], ["--dry-run"], [])
    ]

    assert statuses == [10, 10, 0, 0]


def test_dry_run_with_diff_shows_what_would_change(config: Path, capfdbinary: Capture) -> None:
    before = list(config.parent.iterdir())

    outcome = call(capfdbinary, "apply", config, "--simulate", "--dry-run", "--diff")

    assert lines(outcome)[0] == f"ec2facts: would change {config.parent}/env"
    assert lines(outcome)[2].startswith("ec2facts: would run echo")
    assert outcome.output.startswith(f"--- /dev/null\n+++ {config.parent}/env\n@@ -0,0 +1,".encode())
    assert b"\n+EC2_INSTANCE_ID='i-1234567890abcdef0'\n" in outcome.output
    assert list(config.parent.iterdir()) == before


def test_quiet_prints_only_errors(config: Path, capfdbinary: Capture) -> None:
    outcome = call(capfdbinary, "apply", config, "--simulate", "-q")

    assert outcome == (0, b"", "")


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_full_disk_behind_a_stream_does_not_stop_the_run(config: Path, stream: str) -> None:
    with Path("/dev/full").open("wb") as full:
        outcome = execute(PROGRAM, "apply", config, "--simulate", "--diff", **{stream: full})

    assert outcome.status == (1 if stream == "stdout" else 0)
    assert (config.parent / "env").exists()
    assert (config.parent / "log").read_text() == f"{config.parent}/motd\n"
    if stream == "stdout":
        assert lines(outcome)[-1] == "ec2facts: error: standard output: No space left on device"


def test_unprinted_message_does_not_change_the_exit_status(config: Path) -> None:
    config.write_text("outputs: [{path: x, format: json, check: 'false {}'}]")

    with Path("/dev/full").open("wb") as full:
        outcome = execute(PROGRAM, "apply", config, "--simulate", stderr=full)

    assert outcome.status == 7


def test_secret_is_in_neither_the_diff_nor_the_messages(config: Path, capfdbinary: Capture) -> None:
    (config.parent / "facts").write_text('{"meta-data/instance-id": {"body": "i-0"}, "user-data": {"body": "hunter2"}}')
    config.write_text("outputs: [{path: out, format: json, include: user_data, check: 'false {}'}]")

    outcome = call(capfdbinary, "apply", config, "--from", config.parent / "facts", "--diff")
    config.write_text("outputs: [{path: out, format: json, include: user_data}]")
    installed = call(capfdbinary, "apply", config, "--from", config.parent / "facts", "--diff")
    config.write_text("outputs: [{path: out, format: json}]")
    without = call(capfdbinary, "apply", config, "--from", config.parent / "facts", "--diff")

    assert (outcome.status, installed.status, without.status) == (7, 0, 0)
    printed = [text for each in (outcome, installed, without) for text in (each.output.decode(), each.errors)]
    assert [text for text in printed if "hunter2" in text] == []
    assert b"(not shown: " in installed.output


def test_config_is_validated_before_the_service_is_read(config: Path, capfdbinary: Capture) -> None:
    config.write_text("outputs:\n  - path: x\n    fromat: json\n")

    outcome = call(capfdbinary, "apply", config)

    assert outcome == (2, b"", f"ec2facts: error: {config}:3: fromat: no such key (did you mean 'format'?)\n")


def test_unavailable_service_leaves_every_file_unchanged(config: Path, capfdbinary: Capture) -> None:
    call(capfdbinary, "apply", config, "--simulate")
    before = {file: file.stat() for file in config.parent.iterdir()}

    outcome = call(capfdbinary, "apply", config)

    assert outcome.status == 3
    assert {file: file.stat() for file in config.parent.iterdir()} == before


@pytest.mark.parametrize("source", ["--simulate", "--endpoint"])
def test_simulated_facts_are_never_saved_as_last_facts(config: Path, source: str, capfdbinary: Capture) -> None:
    with Simulator(instances.load("plain")) as url:
        call(capfdbinary, "apply", config, *([source, url] if source == "--endpoint" else [source]))

    outcome = call(capfdbinary, "apply", config, "--allow-stale")

    assert outcome.status == 3
    assert "it is not this machine's own service" in outcome.errors


def test_warning_of_stale_facts_names_their_instance_and_age(capfdbinary: Capture) -> None:
    printer = ApplyPrinter(PlanOptions(quiet=True))

    printer.stale(UnavailableError("http://127.0.0.1:1", "connection refused"), "i-1234567890abcdef0", 7300)

    assert capfdbinary.readouterr().err.decode() == (
        "ec2facts: warning: using the last facts of i-1234567890abcdef0, 2 hours old: "
        "the metadata service at http://127.0.0.1:1 is unavailable: connection refused\n"
    )


def test_failed_output_is_one_line_and_the_others_are_written(config: Path, capfdbinary: Capture) -> None:
    config.write_text(
        "outputs: [{path: a, template: no-such-template}, {path: b, format: json},"
        " {path: c, format: json, owner: no-such-user}]"
    )

    outcome = call(capfdbinary, "apply", config, "--simulate")

    assert outcome.status == 5
    assert [line.partition(" in ")[0] for line in lines(outcome)] == [
        f"ec2facts: not created: {config.parent}/a",
        f"ec2facts: changed {config.parent}/b",
        f"ec2facts: not created: {config.parent}/c",
        f"ec2facts: error: {config.parent}/c: there is no user 'no-such-user'",
        "ec2facts: error: no template 'no-such-template'",
    ]


def test_config_is_checked_without_a_service(config: Path, capfdbinary: Capture) -> None:
    assert call(capfdbinary, "apply", config, "--check-config") == (0, b"", "")

    config.write_text(
        "outputs:\n- path: a\n  template: no-such-template\n- {path: b, format: json, owner: no-such-user}"
    )
    outcome = call(capfdbinary, "apply", config, "--check-config")

    assert outcome.status == 2
    assert [line.partition(" in ")[0] for line in lines(outcome)] == [
        f"ec2facts: error: {config}:2: template: no template 'no-such-template'",
        f"ec2facts: error: {config}:4: owner: there is no user 'no-such-user'",
    ]


def test_schema_of_the_config_is_printed_without_a_config(capfdbinary: Capture) -> None:
    outcome = call(capfdbinary, "apply", "--config-schema")

    assert (outcome.status, outcome.errors) == (0, "")
    assert json.loads(outcome.output) == json_schema()


def test_several_configs_are_applied_in_one_run(config: Path, capfdbinary: Capture) -> None:
    (config.parent / "more").mkdir()
    (config.parent / "more/x.yaml").write_text("outputs: [{path: facts, format: json}]")

    outcome = call(capfdbinary, "apply", config, config.parent / "more", "--simulate")

    assert outcome.status == 0
    assert f"ec2facts: changed {config.parent}/more/facts" in lines(outcome)


@pytest.mark.parametrize("arguments", [[""], ["--state", ""]])
def test_empty_name_of_a_config_or_state_directory_is_an_error(
    config: Path, capfdbinary: Capture, arguments: list[str]
) -> None:
    outcome = call(capfdbinary, "apply", *arguments, "--simulate")

    assert outcome.status == 2
    assert "is empty" in outcome.errors
    assert not (config.parent / "env").exists()


def test_failed_command_is_status_8_until_it_succeeds(config: Path, capfdbinary: Capture) -> None:
    config.write_text("outputs: [{path: x, format: json, command: 'test -e up'}]")

    failed = call(capfdbinary, "apply", config, "--simulate")
    again = call(capfdbinary, "apply", config, "--simulate")
    (config.parent / "up").touch()
    succeeded = call(capfdbinary, "apply", config, "--simulate")

    assert [failed.status, again.status, succeeded.status] == [8, 8, 0]
    assert lines(succeeded)[1:] == ["ec2facts: running test -e up"]


def test_failed_check_is_status_7_with_its_output(config: Path, capfdbinary: Capture) -> None:
    config.write_text("outputs: [{path: x, format: json, check: 'echo line 1 of {}; false'}]")

    outcome = call(capfdbinary, "apply", config, "--simulate")

    assert outcome.status == 7
    assert lines(outcome)[0] == f"ec2facts: not created: {config.parent}/x"
    assert lines(outcome)[-1].startswith("    line 1 of ")
    assert not (config.parent / "x").exists()


def test_include_option_applies_to_every_output(config: Path, capfdbinary: Capture) -> None:
    config.write_text("outputs: [{path: x, format: json}]")

    call(capfdbinary, "apply", config, "--simulate", "--include", "instance_identity_signature")

    assert b'"instance_identity_signature"' in (config.parent / "x").read_bytes()
    assert (config.parent / "x").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_signal_during_a_check_leaves_the_old_file_and_nothing_else(config: Path, number: signal.Signals) -> None:
    config.write_text("outputs: [{path: etc/x, format: json, check: 'touch checking; sleep 30; : {}'}]")
    file = config.parent / "etc" / "x"
    file.parent.mkdir()
    file.write_bytes(b"old")
    before = file.stat()

    with started(PROGRAM, "apply", config, "--simulate") as process:
        while not (config.parent / "checking").exists():
            time.sleep(0.01)
        process.send_signal(number)
        status = process.wait(10)

    assert status == (130 if number == signal.SIGINT else 128 + number)
    assert (file.read_bytes(), file.stat().st_ino, file.stat().st_mtime_ns) == (
        b"old",
        before.st_ino,
        before.st_mtime_ns,
    )
    assert [path.name for path in file.parent.iterdir()] == ["x"]


def test_ignored_hangup_stays_ignored(config: Path) -> None:
    config.write_text(
        "outputs: [{path: x, format: json, check: 'touch checking; while ! test -e go; do :; done; : {}'}]"
    )

    with started("nohup", PROGRAM, "apply", config, "--simulate") as process:
        while not (config.parent / "checking").exists():
            time.sleep(0.01)
        process.send_signal(signal.SIGHUP)
        (config.parent / "go").touch()
        status = process.wait(10)

    assert status == 0
    assert (config.parent / "x").exists()


def test_many_outputs_share_one_crawl(config: Path, capfdbinary: Capture) -> None:
    config.write_text("outputs:\n" + "".join(f"- {{path: x{number}, format: json}}\n" for number in range(20)))

    simulator = Simulator(instances.load("plain"))

    with simulator as url:
        outcome = call(capfdbinary, "apply", config, "--endpoint", url)

    paths = [request.path for request in simulator.requests]
    assert len(paths) == len(set(paths))
    assert lines(outcome) == [f"ec2facts: changed {config.parent}/x{number}" for number in range(20)]


def test_default_configs_may_be_empty_and_one_may_be_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: Capture
) -> None:
    defaults = (tmp_path / "ec2facts.yaml", tmp_path / "ec2facts.d")
    monkeypatch.setattr(apply, "DEFAULT_CONFIGS", defaults)
    defaults[0].write_text("# nothing yet\n")

    assert call(capfdbinary, "apply", "--simulate") == (0, b"", f"ec2facts: no outputs in {defaults[0]}\n")

    defaults[1].mkdir()
    (defaults[1] / "app.yaml").write_text("outputs: [{path: ../x, format: json}]")
    outcome = call(capfdbinary, "apply", "--simulate")

    assert outcome == (0, b"", f"ec2facts: changed {defaults[1]}/../x\n")


def test_missing_default_configs_are_an_error_with_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: Capture
) -> None:
    monkeypatch.setattr(apply, "DEFAULT_CONFIGS", (tmp_path / "ec2facts.yaml", tmp_path / "ec2facts.d"))

    outcome = call(capfdbinary, "apply", "--simulate")

    assert outcome.status == 2
    assert outcome.errors.startswith(
        f"ec2facts: error: no config at {tmp_path}/ec2facts.yaml or {tmp_path}/ec2facts.d; name one, "
    )


def test_named_config_without_outputs_is_an_error(config: Path, capfdbinary: Capture) -> None:
    config.write_text("# nothing yet\n")

    outcome = call(capfdbinary, "apply", config, "--simulate")

    assert outcome == (2, b"", f"ec2facts: error: {config}: there are no outputs\n")
