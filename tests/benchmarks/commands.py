"""The time of whole commands, from start to end, and their imports."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from functools import partial
from itertools import cycle, islice
from pathlib import Path

from ec2facts.imds.snapshot import Snapshot
from ec2facts.render.env_formats import FORMATS
from ec2facts.render.template.search import list_templates
from ec2facts.render.tree import TREE_FORMATS
from tests.benchmarks.report import Comparison
from tests.benchmarks.running import ROOT, Collector, Service, environment, medians
from tests.benchmarks.trees import leaves

EC2FACTS = (sys.executable, "-m", "ec2facts")
IMPORT_REQUESTS = (sys.executable, "-c", "import requests")
PYTHON = (sys.executable, "-c", "pass")
IMPORT = (sys.executable, "-c", "import ec2facts")
FIRST_ATTRIBUTE = (sys.executable, "-c", "from ec2facts import ec2_metadata; ec2_metadata.instance_id")
PEAK = """
import sys
from ec2facts.cli import main
if sys.argv[1:]:
    main(sys.argv[1:])
with open("/proc/self/status") as status:
    print(*(line.split()[1] for line in status if line.startswith("VmHWM")), file=sys.stderr)
"""
"""Runs a command in this process, and prints its peak memory in kilobytes."""
OUTPUTS = 20
"""The number of outputs of apply, which take turns with the formats and templates."""


def start_up(tree: Snapshot, rounds: int) -> list[Comparison]:
    """Compare commands with the import of requests, plus the bare crawler if they read the service."""
    with tempfile.TemporaryDirectory() as directory, Service(tree) as service:
        file = Path(directory) / "snapshot.json"
        tree.save(file)
        requested = {
            "get instance_id": (*EC2FACTS, "get", "instance_id"),
            "dump": (*EC2FACTS, "dump"),
        }
        offline = {
            "--help": (*EC2FACTS, "--help"),
            "schema": (*EC2FACTS, "schema"),
            "get instance_id --from SNAPSHOT": (*EC2FACTS, "get", "instance_id", "--from", str(file)),
            "env --from SNAPSHOT": (*EC2FACTS, "env", "--from", str(file)),
        }
        with Collector("bare") as bare, Collector("bare:collect_one") as bare_one:
            runs = {name: partial(_seconds, line, service) for name, line in {**requested, **offline}.items()}
            runs["import requests"] = partial(_seconds, IMPORT_REQUESTS, service)
            runs["first attribute"] = partial(_seconds, FIRST_ATTRIBUTE, service)
            runs["python"] = partial(_seconds, PYTHON, service)
            runs["CPU of python"] = partial(_cpu_seconds, PYTHON)
            runs["CPU of import"] = partial(_cpu_seconds, IMPORT)
            runs["bare dump"] = partial(bare.seconds, service)
            runs["bare get instance_id"] = partial(bare_one.seconds, service)
            seconds = medians(runs, rounds)
    import_requests = '`python -c "import requests"`'
    return [
        *(
            Comparison(
                f"`ec2facts {name}`",
                seconds[name] * 1000,
                f"{import_requests} and the bare crawler",
                (seconds["import requests"] + seconds[f"bare {name}"]) * 1000,
            )
            for name in requested
        ),
        Comparison(
            "`ec2_metadata.instance_id`, from the start of Python",
            seconds["first attribute"] * 1000,
            f"{import_requests} and the bare crawler",
            (seconds["import requests"] + seconds["bare get instance_id"]) * 1000,
        ),
        *(
            Comparison(f"`ec2facts {name}`", seconds[name] * 1000, "`python -c pass`", seconds["python"] * 1000)
            for name in offline
        ),
        Comparison(
            '`python -c "import ec2facts"`, CPU time',
            seconds["CPU of import"] * 1000,
            "`python -c pass`, CPU time",
            seconds["CPU of python"] * 1000,
        ),
    ]


def memory(tree: Snapshot) -> Comparison:
    """Compare the peak memory of dump with that of an imported command line."""
    with Service(tree) as service:
        before, dump = (_peak_megabytes(line, service) for line in ((), ("dump", "--max-rate", "0")))
    return Comparison(
        f"peak memory of `ec2facts dump` of {len(leaves(tree))} values", dump, "`import ec2facts.cli`", before, "MB"
    )


def apply(tree: Snapshot, rounds: int) -> list[Comparison]:
    """Compare an apply whose files are all unchanged with one dump."""
    kinds = [
        *({"format": name} for name in (*TREE_FORMATS, *FORMATS)),
        *({"template": template.name} for template in list_templates()),
    ]
    with tempfile.TemporaryDirectory() as directory, Service(tree) as service:
        config = Path(directory) / "ec2facts.yaml"
        outputs = [{"path": f"output-{number}", **kind} for number, kind in enumerate(islice(cycle(kinds), OUTPUTS))]
        config.write_text(json.dumps({"outputs": outputs}))
        command = (*EC2FACTS, "apply", str(config), "--quiet", "--state", str(Path(directory) / "state"))
        _seconds(command, service)
        runs = {
            "apply": partial(_seconds, (*command, "--exit-code"), service),  # fails if anything changes
            "dump": partial(_seconds, (*EC2FACTS, "dump"), service),
        }
        seconds = medians(runs, rounds)
    what = f"`ec2facts apply` of {len(leaves(tree))} values in {OUTPUTS} outputs, none of which changes"
    return [Comparison(what, seconds["apply"] * 1000, "`ec2facts dump` of them", seconds["dump"] * 1000)]


def importing(arguments: Sequence[str], tree: Snapshot) -> str:
    """Return the import time of a command by package, as text."""
    with Service(tree) as service:
        done = subprocess.run(
            [sys.executable, "-X", "importtime", "-m", "ec2facts", *arguments],
            cwd=ROOT,
            env=environment(service.url),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            check=True,
            encoding="utf-8",
        )
    spent: dict[str, int] = {}
    for microseconds, name in re.findall(r"^import time: +(\d+) \| +\d+ \| +(\S+)$", done.stderr, re.MULTILINE):
        package = name.partition(".")[0]
        spent[package] = spent.get(package, 0) + int(microseconds)
    lines = [f"ec2facts {' '.join(arguments)}: {sum(spent.values()) / 1000:.1f} ms in imports"]
    most = sorted(spent.items(), key=lambda item: -item[1])[:25]
    return "\n".join([*lines, *(f"{microseconds / 1000:8.1f}  {package}" for package, microseconds in most)]) + "\n"


def _seconds(command: Sequence[str], service: Service) -> float:
    start = time.perf_counter()
    subprocess.run(command, cwd=ROOT, env=environment(service.url), stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - start


def _cpu_seconds(command: Sequence[str]) -> float:
    process = subprocess.Popen(command, cwd=ROOT, env=environment())
    _, process.returncode, usage = os.wait4(process.pid, 0)
    return usage.ru_utime + usage.ru_stime


def _peak_megabytes(arguments: Sequence[str], service: Service) -> float:
    done = subprocess.run(
        [sys.executable, "-c", PEAK, *arguments],
        cwd=ROOT,
        env=environment(service.url),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        check=True,
    )
    return int(done.stderr) / 1000
