"""``ec2facts completion`` in real shells."""

from __future__ import annotations

import os
import pty
import select
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ec2facts import instances
from ec2facts.cli.completion import SHELLS
from tests.cli.running import PROGRAM, parsers

Shell = Callable[[str], str]
"""Types a line that ends in a tab; returns the arguments of the completed command."""

STARTS = {
    "bash": ["bash", "--norc", "--noprofile", "-i"],
    "zsh": ["zsh", "-f", "-i"],
    "fish": ["fish", "--no-config", "--interactive"],
}
LOADS = {
    "bash": ". {script}",
    "zsh": "autoload -Uz compinit && compinit -u -D; . {script}",
    "fish": "source {script}",
}
PROBES = {
    "bash": "ec2facts() { echo \"<<$*>>\"; }; PS1=; bind 'set bell-style none'; bind 'set enable-bracketed-paste off'",
    "zsh": 'ec2facts() { echo "<<$*>>"; }; PS1=; unsetopt zle_bracketed_paste prompt_sp beep',
    "fish": 'function ec2facts; echo "<<$argv>>"; end',
}


@contextmanager
def interactive(name: str, program: str, directory: Path) -> Iterator[Shell]:
    """Start an interactive shell with the completion loaded, on its own terminal."""
    script = directory / "completion"
    script.write_bytes(subprocess.run([PROGRAM, "completion", name], stdout=subprocess.PIPE, check=True).stdout)
    terminal, end = pty.openpty()
    environment = {**os.environ, "HOME": str(directory), "TERM": "xterm", "XDG_CONFIG_HOME": str(directory)}
    with subprocess.Popen(
        [program, *STARTS[name][1:]],
        stdin=end,
        stdout=end,
        stderr=end,
        env=environment,
        cwd=directory,
        start_new_session=True,
    ) as process:
        os.close(end)

        def typed(line: str, until: str = ">>") -> str:
            os.write(terminal, line.encode())
            shown = ""
            while shown.count(until) < 1:
                if not select.select([terminal], [], [], 20)[0]:
                    raise AssertionError(f"{name} shows {shown!r} after {line!r}")
                shown += os.read(terminal, 65536).decode(errors="replace")
            return shown

        def complete(line: str) -> str:
            os.write(terminal, line.encode())
            shown = typed("\n", ">>")
            return shown.rpartition("<<")[2].partition(">>")[0].strip()

        try:
            typed(f"{LOADS[name].format(script=script)}\n{PROBES[name]}\necho rea''dy\n", "ready")
            yield complete
        finally:
            process.kill()
    os.close(terminal)


@pytest.mark.parametrize("name", ["bash", "zsh"])
def test_shell_completes_commands_options_and_values(name: str, tmp_path: Path, program: Callable[..., str]) -> None:
    with interactive(name, program(name), tmp_path) as complete:
        assert complete("ec2facts sche\t") == "schema"
        assert complete("ec2facts dump --simulate bu\t") == "dump --simulate busy"
        assert complete("ec2facts dump --form\t ya\t") == "dump --format yaml"
        assert complete("ec2facts get instance_ty\t") == "get instance_type"
        assert complete("ec2facts templates show hapro\t") == "templates show haproxy.cfg.j2"
        assert complete("ec2facts render -o comple\t") == "render -o completion"


def fish(program: str, script: Path, line: str) -> list[str]:
    """Return the completions of ``line`` in fish."""
    command = f"source {script}; complete -C '{line}'"
    done = subprocess.run([program, "--no-config", "-c", command], stdout=subprocess.PIPE, check=True, encoding="utf-8")
    return [completion.partition("\t")[0] for completion in done.stdout.splitlines()]


def test_fish_completes_commands_options_and_values(tmp_path: Path, program: Callable[..., str]) -> None:
    script = tmp_path / "completion"
    script.write_bytes(subprocess.run([PROGRAM, "completion", "fish"], stdout=subprocess.PIPE, check=True).stdout)

    assert fish(program("fish"), script, "ec2facts sche") == ["schema"]
    assert fish(program("fish"), script, "ec2facts dump --simulate ") == instances.names()
    assert fish(program("fish"), script, "ec2facts dump --form") == ["--format"]
    assert fish(program("fish"), script, "ec2facts get instance_ty") == ["instance_type"]
    assert fish(program("fish"), script, "ec2facts templates hapro") == ["haproxy.cfg.j2"]


@pytest.mark.parametrize("shell", SHELLS)
def test_every_command_and_option_is_in_the_script(shell: str) -> None:
    script = subprocess.run([PROGRAM, "completion", shell], stdout=subprocess.PIPE, check=True, encoding="utf-8").stdout

    for name, parser in parsers().items():
        if name:
            flags = [flag for action in parser._actions for flag in action.option_strings]
            wanted = [name, *(flag.lstrip("-") if shell == "fish" else flag for flag in flags)]
            assert [word for word in wanted if word not in script] == []
