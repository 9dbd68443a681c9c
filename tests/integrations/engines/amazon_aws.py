"""amazon.aws.ec2_metadata_facts and ec2facts.facts.gather on the same simulated instance, in one play.

``python -m tests.integrations.engines.amazon_aws`` prints the table of names and times.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from tests.cli.running import PROGRAM
from tests.integrations.engines.engine import ENGINES, Engine, build_wheel

TASKS: list[dict[str, Any]] = [
    {"amazon.aws.ec2_metadata_facts": {}},
    {"ec2facts.facts.gather": {"names": "amazon"}},
    {"ec2facts.facts.gather": {}},
]

SECRET = re.compile("credentials_.*security_credentials_|security_credentials_|_(pkcs7|rsa2048|signature)$|_user_data$")
"""The names that ec2facts withholds."""


class Comparison(NamedTuple):
    """The facts of both modules by name, and the seconds of each task."""

    theirs: dict[str, Any]
    ours: dict[str, Any]
    seconds: list[float]

    @property
    def missing(self) -> set[str]:
        """The names that only amazon.aws returns."""
        return self.theirs.keys() - self.ours.keys()

    @property
    def more(self) -> set[str]:
        """The names that only ec2facts returns."""
        return self.ours.keys() - self.theirs.keys()

    @property
    def different(self) -> set[str]:
        """The common names whose values differ."""
        return {name for name in self.theirs.keys() & self.ours.keys() if self.theirs[name] != self.ours[name]}

    @property
    def withheld(self) -> set[str]:
        """The names of amazon.aws that ec2facts withholds."""
        return {name for name in self.missing if SECRET.search(name)}


def compare(ansible: Engine, instance: str, interpreter: Path) -> Comparison:
    """Run both modules on a simulated instance that has the service's own address."""
    play = [{"hosts": "localhost", "gather_facts": False, "tasks": TASKS}]
    (ansible.home / "play.json").write_text(json.dumps(play))
    done = ansible.run(
        *("-m", "ansible", "playbook", "-i", "localhost,", "-c", "local", "play.json"),
        *("-e", f"ansible_python_interpreter={interpreter}"),
        prefix=[PROGRAM, "serve", instance, "--"],
        environ={"ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json"},
    )
    report = json.loads(done.stdout[done.stdout.index("{\n") :])
    tasks = report["plays"][0]["tasks"]
    theirs, ours = (task["hosts"]["localhost"]["ansible_facts"] for task in tasks[:2])
    return Comparison(theirs, ours, [_seconds(**task["task"]["duration"]) for task in tasks])


def _seconds(start: str, end: str) -> float:
    begin, finish = (datetime.fromisoformat(time.replace("Z", "+00:00")) for time in (start, end))
    return (finish - begin).total_seconds()


HEADER = "instance | their names | equal | withheld | text «None» | different | more | theirs | ours"


def main() -> None:
    """Print the table."""
    lines = [f"| {HEADER} |", "| --- " + "| ---: " * HEADER.count("|") + "|"]
    with tempfile.TemporaryDirectory() as directory:
        (Path(directory) / "wheel").mkdir()
        ansible = Engine(ENGINES / "ansible", Path(directory), build_wheel(Path(directory) / "wheel"))
        for instance in ("plain", "busy", "xen"):
            both = compare(ansible, instance, Path(sys.executable))
            equal = both.theirs.keys() - both.missing - both.different
            absent = {name for name in both.missing if both.theirs[name] == "None"}
            counts = [len(names) for names in (both.theirs, equal, both.withheld - absent, absent)]
            figures = [*counts, len(both.different), len(both.more), *(f"{each:.1f} s" for each in both.seconds[::2])]
            lines.append(f"| `{instance}` | {' | '.join(map(str, figures))} |")
    sys.stdout.write("\n".join([*lines, ""]))


if __name__ == "__main__":
    main()
