"""The generated parts of every README.md, and the manual page; ``python -m tests.readme`` rewrites them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from ec2facts import errors, instances
from ec2facts.apply.config_keys import documentation
from ec2facts.cli import COMMANDS, command_module
from ec2facts.cli.install_options import CHANGED
from ec2facts.collection.facts import facts
from ec2facts.collection.secrets import ENCODINGS, NOT_CAUGHT, SHAPES
from ec2facts.imds.simulator.faults import FAULTS
from ec2facts.metadata.schema import schema
from ec2facts.render.env_formats import FORMATS
from ec2facts.render.filters.registry import examples
from ec2facts.render.template.search import list_templates
from tests import manual
from tests.collection import typed_facts
from tests.conftest import NOBODY
from tests.imds.simulator.test_faults import ROWS
from tests.render.template.ansible_differences import DIFFERENCES

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
_ROOMS = ("ec2facts", "templates", "tests")
READMES = [README, *sorted(file for room in _ROOMS for file in (ROOT / room).rglob("README.md"))]
CONSOLE = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def written(text: str) -> str:
    """Return the ``text`` of a README with regenerated tables and console output."""
    for name in tables(text):
        before, _, rest = text.partition(f"<!-- {name} -->\n")
        _, end, after = rest.partition(f"<!-- /{name} -->")
        assert end, f"no <!-- /{name} --> after <!-- {name} -->"
        text = f"{before}<!-- {name} -->\n{TABLES[name]()}\n{end}{after}"
    return CONSOLE.sub(lambda block: f"```console\n{_played(block[1])}```", text)


def tables(text: str) -> list[str]:
    """Return the names of the generated tables in the ``text`` of a README."""
    return [name for name in TABLES if f"<!-- {name} -->\n" in text]


def _played(block: str) -> str:
    """Return the text of a terminal after the commands of a console block."""
    commands = [line[2:] for line in block.splitlines() if line.startswith("$ ")]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {
        "PATH": path,
        "HOME": "/nonexistent",
        "LANG": "C.UTF-8",
        "COLUMNS": "100",
        "AWS_EC2_METADATA_SERVICE_ENDPOINT": NOBODY,  # an example without --simulate must not reach a real service
    }
    shown = ""
    with tempfile.TemporaryDirectory() as directory:
        for command in commands:
            done = subprocess.run(
                command,
                shell=True,
                cwd=directory,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                check=False,
                encoding="utf-8",
            )
            shown += f"$ {command}\n{done.stdout}"
    return shown


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    titles = list(head)
    lines = [titles, ["---"] * len(titles), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _commands() -> str:
    rows = []
    for name, summary in COMMANDS.items():
        sentence = f"{summary[0].upper()}{summary[1:]}."
        rows.append([f"`ec2facts {name}`", sentence, f"`{command_module(name).EXAMPLE}`"])
    return _table(["Command", "What it does", "Example"], rows)


def statuses() -> list[tuple[str, str]]:
    """Return every exit status with its meaning."""
    described: dict[int, list[str]] = {
        0: ["done"],
        1: ["any other failure"],
        CHANGED: ["`--exit-code` was given, and something changed or would change"],
        130: ["interrupted"],
    }
    for kind in vars(errors).values():
        if isinstance(kind, type) and issubclass(kind, errors.EC2FactsError) and kind.exit_status > 1:
            described.setdefault(kind.exit_status, []).append(f"`{kind.__name__}`: {_sentence(kind)}")
    return [(str(status), "<br>".join(meanings)) for status, meanings in sorted(described.items())]


def _statuses() -> str:
    return _table(["Status", "Meaning"], statuses())


def _sentence(documented: object) -> str:
    return re.sub(r"``", "`", (documented.__doc__ or "").partition("\n")[0])


def _attributes() -> str:
    return _table(
        ["Name", "Type", "Path below `/latest/`", ""],
        (
            [
                f"`{entry.name}`",
                f"`{entry.type}`",
                f"`{entry.path}`",
                entry.description + " *Changeable.*" * entry.changeable + " **Withheld.**" * entry.withheld,
            ]
            for entry in schema()
        ),
    )


def _secrets() -> str:
    return _table(["Kind", "Pattern"], ([shape.title, shape.description] for shape in SHAPES))


def _encodings() -> str:
    return _table(["Encoding", "Searched"], ENCODINGS)


def _not_caught() -> str:
    return "\n".join(f"- {each}" for each in NOT_CAUGHT)


def _formats() -> str:
    return _table(["`-f`", "Read by"], ([f"`{name}`", each.description] for name, each in FORMATS.items()))


def _templates() -> str:
    rows = ([f"`{each.name}`", each.sentence, each.checked_by] for each in list_templates())
    return _table(["Template", "Purpose", "Checked by"], rows)


def _filters() -> str:
    rows = []
    for each in sorted(examples()):
        # Between two backticks Markdown has no escapes.
        description = f"{each.sentence} {each.notes}".rstrip().replace("``", "`")
        rows.append([_code(each.call), description, _code(each.template), _code(each.output)])
    return _table(["Filter", "What it does", "Example", "Output"], rows)


def _differences() -> str:
    rows = []
    for each in DIFFERENCES:
        ours = "refused" if each.ec2facts is None else _code(each.ec2facts)
        rows.append([each.topic, _code(each.template), _code(each.ansible), ours, each.remedy])
    return _table(["Difference", "Template", "Ansible", "ec2facts", "To get Ansible's result"], rows)


def _code(text: str) -> str:
    """Return ``text`` as code in a table's cell: the fence is longer than any run of backticks in it."""
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", text)), default=0))
    lines = [f"{fence} {line} {fence}" if fence != "`" else f"`{line}`" for line in text.split("\n") if line]
    return "<br>".join(lines)


def _instances() -> str:
    rows = []
    for name in instances.names():
        snapshot = instances.load(name)
        everything = facts(snapshot)
        user_data = snapshot.get("user-data")
        rows.append(
            [
                f"`{name}`",
                everything["instance_type"],
                str(len(everything["network_interfaces"])),
                (snapshot.get("meta-data/iam/security-credentials/") or b"none").decode(),
                "none" if user_data is None else f"{len(user_data)} bytes",
                str(len(everything.get("tags", {}))),
                str(len(snapshot.bodies)),
            ]
        )
    return _table(["Name", "Type", "Interfaces", "Role", "User data", "Tags", "Paths"], rows)


def _config() -> str:
    return documentation()  # the text of the help is Markdown


def _faults() -> str:
    return _table(["Fault", "What it does"], ([f"`{kind.syntax}`", kind.sentence] for kind in FAULTS.values()))


def _guarantees() -> str:
    rows = (
        [f"`{row.fault}`", ", ".join(f"{name} {value}" for name, value in row.settings.items()), row.guarantee]
        for row in ROWS
    )
    return _table(["Fault", "Settings", "Outcome"], rows)


TABLES: Mapping[str, Callable[[], str]] = {
    "commands": _commands,
    "statuses": _statuses,
    "attributes": _attributes,
    "formats": _formats,
    "secrets": _secrets,
    "encodings": _encodings,
    "not caught": _not_caught,
    "templates": _templates,
    "filters": _filters,
    "differences": _differences,
    "instances": _instances,
    "config": _config,
    "faults": _faults,
    "guarantees": _guarantees,
}
"""The generated text between ``<!-- name -->`` and ``<!-- /name -->``."""

if __name__ == "__main__":
    for file in READMES:
        file.write_text(written(file.read_text()))
    manual.PAGE.write_text(manual.written(statuses()))
    typed_facts.FILE.write_text(typed_facts.written())
