from __future__ import annotations

import argparse
import os
import re
import shlex
import socket
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from ec2facts import __version__, errors
from ec2facts.cli import COMMANDS, command_module, main
from tests.cli.running import PROGRAM, Capture, call, execute, interrupt, one_line, parsers, started

NAMES = list(COMMANDS)


class Failure(NamedTuple):
    """A command line that fails, and its exit status; ``@`` stands for a directory with ``FILES``."""

    status: int
    command: str

    def arguments(self, directory: Path) -> list[str]:
        """Return the arguments of the program."""
        return shlex.split(self.command.replace("@", str(directory)))

    @property
    def takes_output(self) -> bool:
        """Return whether the command takes -o."""
        words = self.command.split()
        return words[0] in {"dump", "env", "render", "snapshot"} and "-o" not in words

    def __str__(self) -> str:
        return f"{self.status}: {self.command}"


FILES = {
    "good": '{"meta-data/instance-id": {"body": "i-1234567890abcdef0"}, "meta-data/kernel-id": {"body": "a\\nb"}}',
    "unread": '{"meta-data/instance-id": {"body": "i-1234567890abcdef0"}, "meta-data/mac": {"status": 500}}',
    "malformed": '{"meta-data/instance-id": "i-1234567890abcdef0"}',
    "right.j2": "{{ instance_id }}\n",
    "mac.j2": "{{ mac }}\n",
    "wrong.j2": "{{ instance_id }}\n{{ nothing }}\n",
}

FAILURES = [
    Failure(1, "dump --from @/missing"),
    Failure(1, "dump --from @/malformed"),
    Failure(9, "get --from @/good mac"),
    Failure(9, "get --from @/good instance_id user_data"),
    Failure(1, "serve @/missing --port 0"),
    Failure(1, "schema -o @/missing/file"),
    Failure(2, "frobnicate"),
    Failure(2, "dump --frobnicate"),
    Failure(2, "dump --from @/good extra"),
    Failure(2, "dump --from @/good -f xml"),
    Failure(2, "dump --from @/good --include nothing"),
    Failure(2, "get --from @/good instanceid"),
    Failure(2, "env --from @/good --only nothing"),
    Failure(2, "serve nothing"),
    Failure(3, "dump"),
    Failure(3, "get instance_id"),
    Failure(3, "snapshot"),
    Failure(4, "dump --from @/unread"),
    Failure(4, "env --from @/unread"),
    Failure(4, "get --from @/unread mac"),
    Failure(4, "render @/mac.j2 --from @/unread"),
    Failure(4, "snapshot --from @/unread"),
    Failure(5, "render @/wrong.j2 --from @/good"),
    Failure(5, "render @/missing.j2 --from @/good"),
    Failure(6, "env -f docker --from @/good"),
    Failure(7, "render @/right.j2 --from @/good -o @/installed --state @/state --check 'false {}'"),
    Failure(8, "render @/right.j2 --from @/good -o @/installed --state @/state --command false"),
]


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Return a directory with FILES."""
    for name, content in FILES.items():
        (tmp_path / name).write_text(content)
    return tmp_path


def test_command_line_without_a_command_prints_help(capfdbinary: Capture) -> None:
    alone = call(capfdbinary)

    helped = call(capfdbinary, "--help")

    assert alone == helped
    assert [name for name in NAMES if f"\n    {name} " not in alone.output.decode()] == []


def test_version_is_that_of_the_package(capfdbinary: Capture) -> None:
    outcome = call(capfdbinary, "--version")

    assert outcome == (0, f"ec2facts {__version__}\n".encode(), "")


def test_python_dash_m_runs_the_program() -> None:
    outcome = execute(sys.executable, "-m", "ec2facts", "get", "region", "--simulate")

    assert outcome == (0, b"us-east-1\n", "")


@pytest.mark.parametrize("name", ["", *NAMES])
def test_every_option_has_help_in_lower_case_without_full_stop(name: str) -> None:
    parser = parsers()[name]
    texts = [str(parser.description), *(str(action.help) for action in parser._actions if not is_commands(action))]

    assert [text for text in texts if not re.fullmatch(r"[a-z].*[^.\n]", text, re.DOTALL)] == []


@pytest.mark.parametrize("name", ["", *NAMES])
def test_every_metavar_is_in_capitals(name: str) -> None:
    taking = [action for action in parsers()[name]._actions if action.nargs != 0]

    assert [action.dest for action in taking if not re.fullmatch("[A-Z]+(=[A-Z]+)?", str(action.metavar))] == []


@pytest.mark.parametrize("name", NAMES)
def test_example_is_not_wrapped_in_the_help(name: str, monkeypatch: pytest.MonkeyPatch, capfdbinary: Capture) -> None:
    monkeypatch.setenv("COLUMNS", "40")

    lines = call(capfdbinary, name, "--help").output.decode().splitlines()

    assert [line for line in lines if line.startswith("example:")] == [f"example: {example(name)}"]


@pytest.mark.parametrize("name", [name for name in NAMES if name != "serve"])
def test_example_works_when_it_is_pasted(name: str, tmp_path: Path) -> None:
    path = f"{Path(PROGRAM).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "STATE_DIRECTORY": str(tmp_path)}

    status, output, complaints = execute("sh", "-c", example(name), cwd=tmp_path, env=environment)

    assert (status, complaints) == (0, "")
    assert output.endswith(b"\n")


@pytest.mark.parametrize("failure", FAILURES, ids=str)
def test_failure_is_a_status_and_a_line_on_standard_error(
    failure: Failure, directory: Path, capfdbinary: Capture
) -> None:
    outcome = call(capfdbinary, *failure.arguments(directory))

    assert (outcome.status, outcome.output) == (failure.status, b"")
    *others, last = outcome.errors.splitlines(keepends=True)
    assert one_line(last), outcome.errors
    assert others == [] or "-o" in failure.command, "only lines about files may come before the error"


def test_every_exit_status_has_a_failure() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type)]

    statuses = {kind.exit_status for kind in kinds if issubclass(kind, errors.EC2FactsError)}

    assert statuses - {failure.status for failure in FAILURES} == set()


@pytest.mark.parametrize("failure", [failure for failure in FAILURES if failure.takes_output], ids=str)
def test_failure_leaves_the_file_unchanged(failure: Failure, directory: Path, capfdbinary: Capture) -> None:
    file = directory / "output"
    file.write_bytes(b"before")
    inode = file.stat().st_ino

    outcome = call(capfdbinary, *failure.arguments(directory), "-o", file)

    assert outcome.status == failure.status
    assert (file.read_bytes(), file.stat().st_ino) == (b"before", inode)
    assert {path.name for path in directory.iterdir()} == {*FILES, "output"}


def test_disabled_service_is_status_3(monkeypatch: pytest.MonkeyPatch, capfdbinary: Capture) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")

    outcome = call(capfdbinary, "dump")

    assert outcome.status == 3
    assert "AWS_EC2_METADATA_DISABLED" in outcome.errors


@pytest.mark.parametrize("command", ["get instance_id", "dump --timeout 0.1"])
def test_ctrl_c_is_status_130_and_one_line(command: str, silent_service: socket.socket) -> None:
    url = f"http://127.0.0.1:{silent_service.getsockname()[1]}"

    with started(PROGRAM, *command.split(), "--endpoint", url) as process:
        connection, _ = silent_service.accept()
        with connection:
            outcome = interrupt(process)

    assert outcome == (130, b"", "ec2facts: error: interrupted\n")


@pytest.mark.parametrize("command", ["dump --simulate busy", "get / --simulate", "schema"])
def test_closed_pipe_is_one_line(command: str) -> None:
    reading, writing = os.pipe()
    os.close(reading)

    outcome = execute(PROGRAM, *command.split(), stdout=writing)

    os.close(writing)
    assert outcome == (1, b"", "ec2facts: error: standard output: Broken pipe\n")


@pytest.mark.parametrize("command", ["", "--help", "dump --simulate busy", "get region --simulate", "serve --port 0"])
def test_full_disk_is_one_line(command: str) -> None:
    with Path("/dev/full").open("wb") as full:
        outcome = execute(PROGRAM, *command.split(), stdout=full)

    assert outcome == (1, b"", "ec2facts: error: standard output: No space left on device\n")


@pytest.mark.parametrize("command", ["", "dump --simulate", "get region --simulate", "serve --port 0"])
def test_closed_standard_output_is_one_line(command: str) -> None:
    outcome = execute("sh", "-c", f'exec "$0" {command} >&-', PROGRAM)

    assert outcome == (1, b"", "ec2facts: error: standard output: Bad file descriptor\n")


def test_closed_standard_error_does_not_send_errors_to_standard_output() -> None:
    outcome = execute("sh", "-c", 'exec "$0" get nothing --simulate 2>&-', PROGRAM)

    assert outcome == (2, b"", "")


def test_unprintable_character_is_escaped_in_messages(capfdbinary: Capture) -> None:
    outcome = call(capfdbinary, "dump", "--from", "a\r\x1b[31m\udcffé")

    assert outcome.errors == "ec2facts: error: a\\r\\x1b[31m\\udcffé: No such file or directory\n"


@pytest.mark.parametrize("name", NAMES)
def test_help_is_printed_in_any_locale(name: str) -> None:
    outcome = execute(PROGRAM, name, "--help", env={**os.environ, "PYTHONIOENCODING": "ascii"})

    assert outcome == (0, parsers()[name].format_help().encode(), "")


def test_usage_error_names_the_help_of_the_command(capfdbinary: Capture) -> None:
    outcome = call(capfdbinary, "dump", "--mode", "rw")

    assert outcome.errors.endswith("; see `ec2facts dump --help`\n")


def test_option_is_not_abbreviated(capfdbinary: Capture) -> None:
    outcome = call(capfdbinary, "dump", "--sim")

    assert outcome.status == 2


def test_main_writes_to_sys_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    status = main(["schema"])

    assert status == 0
    assert capsys.readouterr().out.startswith("instance_id: str\n")


def is_commands(action: argparse.Action) -> bool:
    return isinstance(action, argparse._SubParsersAction)


def example(name: str) -> str:
    return str(command_module(name).EXAMPLE)


@pytest.mark.parametrize("name", NAMES)
def test_module_docstring_is_the_summary_of_the_command(name: str) -> None:
    sentence = (command_module(name).__doc__ or "").partition("\n")[0]

    assert sentence == f"{COMMANDS[name][0].upper()}{COMMANDS[name][1:]}."


@pytest.mark.parametrize("name", NAMES)
def test_unknown_option_names_the_help_of_the_command(name: str, capfdbinary: Capture) -> None:
    operands = {"get": ["region"], "render": ["motd"], "completion": ["bash"]}.get(name, [])

    outcome = call(capfdbinary, name, *operands, "--nonsense")

    assert outcome.status == 2
    assert outcome.errors == (f"ec2facts: error: unrecognized arguments: --nonsense; see `ec2facts {name} --help`\n")
