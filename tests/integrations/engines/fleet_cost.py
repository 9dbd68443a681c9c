"""Measure what the facts of a fleet cost: ``python -m tests.integrations.engines.fleet_cost``.

The table has the measured cost of 100 hosts, and 100 times that as the cost of 10,000. Each host is the simulated
instance ``busy``, whose facts are large.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

from ec2facts import instances
from ec2facts.imds.simulator.simulator import Simulator
from ec2facts.integrations.gathering import gather
from tests.integrations.engines.engine import ENGINES, Engine, bare_python, build_wheel

HOSTS = 100
FLEET = 10_000

PEAK = """
import os, resource, subprocess, sys
done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024)
sys.exit(done.returncode)
"""
"""Runs a command, and prints the peak memory of its largest process."""

MASTER = """
import json, os, sys, time
import salt.cache, salt.config, salt.utils.minions
directory, count, file = sys.argv[1], int(sys.argv[2]), sys.argv[3]
grains = json.load(open(file))
opts = salt.config.master_config(None)
opts.update(root_dir=directory, cachedir=directory + "/cache", pki_dir=directory + "/pki", sock_dir=directory)
cache = salt.cache.factory(opts)
for number in range(count):
    name = f"minion-{number}"
    cache.store("grains", name, {"ec2": grains, "id": name})
size = sum(os.path.getsize(os.path.join(at, each)) for at, _, names in os.walk(directory + "/cache") for each in names)
matching = salt.utils.minions.CkMinions(opts)
started = time.perf_counter()
found = matching.check_minions("ec2:region:eu-central-1", "grain", greedy=False)["minions"]
seconds = time.perf_counter() - started
assert len(found) == count, found
print(json.dumps({"cache": size, "seconds": seconds}))
"""
"""Stores the grains of minions like a master, and targets all minions by a fact."""


class Cost(NamedTuple):
    """The cost of ``HOSTS`` hosts, in bytes or seconds."""

    what: str
    amount: float
    unit: str

    def line(self) -> str:
        fleet = self.amount * FLEET / HOSTS
        return f"| {self.what} | {_readable(self.amount, self.unit)} | {_readable(fleet, self.unit)} |"


def _readable(amount: float, unit: str) -> str:
    if unit == "bytes":
        return f"{amount / 1e6:.1f} MB"
    return f"{amount:.2f} s"


def ansible_costs(directory: Path, endpoint: str) -> list[Cost]:
    """Return the cost of the facts in a fact cache, and in the memory of a control node."""
    wheel = build_wheel(_made(directory / "wheel"))
    ansible = Engine(ENGINES / "ansible", _made(directory / "ansible"), wheel)
    python = bare_python(directory / "target", sys.executable)
    inventory: dict[str, Any] = {"all": {"hosts": {f"host{number}": {} for number in range(HOSTS)}}}
    (directory / "inventory.json").write_text(json.dumps(inventory))
    plays = {
        "without facts": [{"ansible.builtin.meta": "noop"}],
        "with the facts": [{"ec2facts.facts.gather": {"endpoint": endpoint}}],
        "with the service's own tree too": [{"ec2facts.facts.gather": {"endpoint": endpoint, "tree": True}}],
    }
    costs = []
    peaks = {}
    for name, tasks in plays.items():
        (directory / "play.json").write_text(json.dumps([{"hosts": "all", "gather_facts": False, "tasks": tasks}]))
        cache = directory / f"cache {name}"
        done = ansible.run(
            *("-c", PEAK, ansible.python, "-m", "ansible", "playbook", "-i", "inventory.json", "-c", "local"),
            *("-f", "4", "-e", f"ansible_python_interpreter={python}", "play.json"),
            cwd=directory,
            environ={"ANSIBLE_CACHE_PLUGIN": "jsonfile", "ANSIBLE_CACHE_PLUGIN_CONNECTION": str(cache)},
        )
        peaks[name] = int(done.stdout)
        size = sum(file.stat().st_size for file in cache.iterdir()) if cache.exists() else 0
        if size:
            costs.append(Cost(f"Ansible: fact cache (jsonfile), {name}", size, "bytes"))
            more = peaks[name] - peaks["without facts"]
            costs.append(Cost(f"Ansible: memory of the control node, {name}", more, "bytes"))
    return costs


def salt_costs(directory: Path, facts: dict[str, Any]) -> list[Cost]:
    """Return the size of the grains in the cache of a master, and the time to target by one of them."""
    salt = Engine(ENGINES / "salt", _made(directory / "salt"))
    (directory / "grains.json").write_text(json.dumps(facts))
    done = salt.run("-c", MASTER, _made(directory / "master"), str(HOSTS), directory / "grains.json")
    measured = json.loads(done.stdout)
    return [
        Cost("Salt: cache of the master", measured["cache"], "bytes"),
        Cost("Salt: time to target by a fact, `-G ec2:region:…`", measured["seconds"], "seconds"),
    ]


def _made(directory: Path) -> Path:
    directory.mkdir()
    return directory


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as temporary, Simulator(instances.load("busy")) as url:
        costs = ansible_costs(Path(temporary), url) + salt_costs(Path(temporary), gather(endpoint=url))
    table = [f"| | {HOSTS} hosts, measured | {FLEET} hosts, computed |", "| --- | ---: | ---: |"]
    sys.stdout.write("\n".join([*table, *(cost.line() for cost in costs), ""]))


if __name__ == "__main__":
    main()
