"""The Ansible collection, run by the real ansible-core out of the wheel."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import tarfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from ec2facts import __version__, facts, instances
from ec2facts.collection.facts import TREE
from ec2facts.imds.simulator.simulator import Simulator
from ec2facts.render.template.search import packaged_templates
from tests.cli.running import PROGRAM
from tests.conftest import NOBODY
from tests.integrations.engines.engine import ROOT, Engine, bare_python, build_wheel, other_python
from tests.integrations.engines.sshd import running_sshd

SERVED = ("plain", "busy", "xen", "awkward")

Hosts = Mapping[str, Mapping[str, Any]]


class Play(NamedTuple):
    """The outcome of a play."""

    status: int
    output: str
    tasks: list[dict[str, Any]]
    """The result of each task by host."""

    @property
    def results(self) -> dict[str, Any]:
        """The result of the last task by host."""
        return self.tasks[-1]


def gather(**options: Any) -> dict[str, Any]:
    return {"ec2facts.facts.gather": {"endpoint": "{{ endpoint }}", **options}}


@pytest.fixture
def play(ansible: Engine, target_python: Path, tmp_path: Path) -> Callable[..., Play]:
    """Return a function that runs tasks on hosts, which are given with their variables."""

    def run(tasks: list[Any], hosts: Hosts, *options: str, environ: Mapping[str, str] = {}, **keys: Any) -> Play:
        local = {"ansible_connection": "local", "ansible_python_interpreter": str(target_python)}
        inventory = {"all": {"hosts": {host: {**local, **variables} for host, variables in hosts.items()}}}
        plays = [{"hosts": "all", "gather_facts": False, **keys, "tasks": tasks}]
        (tmp_path / "inventory.json").write_text(json.dumps(inventory))
        (tmp_path / "play.json").write_text(json.dumps(plays))
        command = ["-m", "ansible", "playbook", "-i", "inventory.json", "play.json", *options]
        done = ansible.run(
            *command,
            cwd=tmp_path,
            environ={"ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json", **environ},
            check=False,
        )
        try:
            report = json.loads(done.stdout[done.stdout.index("{\n") :])
        except ValueError:
            pytest.fail(done.stdout + done.stderr)
        results = [task["hosts"] for each in report["plays"] for task in each["tasks"]]
        return Play(done.returncode, done.stdout + done.stderr, results)

    return run


@pytest.fixture
def simulated() -> Iterator[dict[str, dict[str, str]]]:
    """Serve four instances, and return the inventory of their hosts."""
    with ExitStack() as running:
        urls = {name: running.enter_context(Simulator(instances.load(name))) for name in SERVED}
        yield {name: {"endpoint": url} for name, url in urls.items()}


@pytest.fixture
def busy(simulated: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
    return {"busy": simulated["busy"]}


LAPTOP = {"laptop": {"endpoint": NOBODY}}


def own(name: str) -> dict[str, Any]:
    """Return the facts that the module returns for a simulated instance."""
    snapshot = instances.load(name)
    everything = {key: value for key, value in facts(snapshot).items() if key not in TREE}
    everything["collection"]["withheld"] = {
        path: text.split()[-1] for path, text in everything["collection"]["withheld"].items()
    }
    return everything


def test_module_returns_the_facts_of_four_instances(
    play: Callable[..., Play], simulated: dict[str, dict[str, str]]
) -> None:
    done = play([gather()], simulated)

    returned = {host: result["ansible_facts"] for host, result in done.results.items()}
    assert returned == {name: {"ansible_ec2": own(name)} for name in SERVED}


def test_facts_are_used_in_a_template_and_in_group_by(
    play: Callable[..., Play], simulated: dict[str, dict[str, str]], tmp_path: Path
) -> None:
    (tmp_path / "app.conf.j2").write_text("zone={{ ansible_facts.ec2.availability_zone }}\n")
    template = {"src": str(tmp_path / "app.conf.j2"), "dest": str(tmp_path / "{{ inventory_hostname }}.conf")}
    tasks = [
        gather(),
        {"ansible.builtin.template": template},
        {"ansible.builtin.group_by": {"key": "zone_{{ ansible_facts.ec2.availability_zone }}"}},
        {"ansible.builtin.debug": {"var": "group_names"}},
    ]

    done = play(tasks, simulated)

    zones = {name: facts(instances.load(name))["availability_zone"] for name in SERVED}
    written = {name: (tmp_path / f"{name}.conf").read_text() for name in SERVED}
    assert written == {name: f"zone={zone}\n" for name, zone in zones.items()}
    assert {name: result["group_names"] for name, result in done.results.items()} == {
        name: [f"zone_{zone}"] for name, zone in zones.items()
    }


def test_facts_come_from_the_cache_which_holds_no_secret(
    play: Callable[..., Play], busy: dict[str, dict[str, str]], tmp_path: Path
) -> None:
    cache = {"ANSIBLE_CACHE_PLUGIN": "jsonfile", "ANSIBLE_CACHE_PLUGIN_CONNECTION": str(tmp_path / "cache")}
    play([gather(tree=True)], busy, environ=cache)

    cached = play([{"ansible.builtin.debug": {"var": "ansible_facts.ec2.region"}}], busy, environ=cache)

    text = "".join(file.read_text() for file in (tmp_path / "cache").iterdir())
    assert cached.results["busy"]["ansible_facts.ec2.region"] == "eu-central-1"
    assert "i-0" in text or "instance_id" in text
    assert [secret for secret in ("SecretAccessKey", "wJalrXUtnFEMI", '"Token"') if secret in text] == []


def test_facts_are_gathered_without_a_task(play: Callable[..., Play], busy: dict[str, dict[str, str]]) -> None:
    modules = ["ansible.builtin.setup", "ec2facts.facts.gather"]
    task = {"ansible.builtin.debug": {"msg": "{{ ansible_facts.ec2.region }} {{ ansible_facts.system }}"}}

    done = play(
        [task],
        busy,
        gather_facts=True,
        gather_subset=["!facter", "!ohai"],
        environment={"AWS_EC2_METADATA_SERVICE_ENDPOINT": "{{ endpoint }}"},
        vars={"ansible_facts_modules": modules},
    )

    assert done.results["busy"]["msg"] == "eu-central-1 Linux"


def local_fact(directory: Path) -> Path:
    """Return a directory for ansible.builtin.setup that holds the shipped fact."""
    directory.mkdir()
    (directory / "ec2.fact").write_bytes((packaged_templates() / "ec2.fact").read_bytes())
    (directory / "ec2.fact").chmod(0o755)
    return directory


def test_local_fact_returns_the_facts_without_the_collection(
    play: Callable[..., Play], busy: dict[str, dict[str, str]], tmp_path: Path
) -> None:
    setup = {"fact_path": str(local_fact(tmp_path / "facts.d")), "gather_subset": ["!all", "local", "!facter", "!ohai"]}
    environment = {
        "AWS_EC2_METADATA_SERVICE_ENDPOINT": "{{ endpoint }}",
        "PATH": f"{Path(PROGRAM).parent}:/usr/bin:/bin",
    }

    done = play([{"ansible.builtin.setup": setup, "environment": environment}], {**busy, **LAPTOP})

    found = {host: result["ansible_facts"]["ansible_local"] for host, result in done.results.items()}
    expected = facts(instances.load("busy"))
    assert found == {
        "busy": {"ec2": {name: value for name, value in expected.items() if name not in TREE}},
        "laptop": {"ec2": {}},
    }


def test_check_mode_returns_the_facts(play: Callable[..., Play], busy: dict[str, dict[str, str]]) -> None:
    done = play([gather(only=["region"])], busy, "--check")

    assert done.results["busy"]["ansible_facts"]["ansible_ec2"]["region"] == "eu-central-1"
    assert not done.results["busy"]["changed"]


def test_play_succeeds_without_a_service_and_says_why_facts_are_empty(play: Callable[..., Play]) -> None:
    done = play([gather()], LAPTOP)

    result = done.results["laptop"]
    assert (done.status, result["ansible_facts"]) == (0, {"ansible_ec2": {}})
    assert result["reason"].startswith(f"the metadata service at {NOBODY} is unavailable: ")
    assert "warnings" not in result


def test_task_that_needs_a_service_is_skipped_without_one(play: Callable[..., Play]) -> None:
    task = {"ansible.builtin.debug": {"var": "ansible_facts.ec2.region"}, "when": "ansible_facts.ec2 != {}"}

    done = play([gather(), task], LAPTOP)

    assert (done.status, done.results["laptop"]["skipped"]) == (0, True)


def test_task_that_requires_a_service_fails_without_one(play: Callable[..., Play]) -> None:
    done = play([gather(required=True)], LAPTOP)

    assert done.status != 0
    assert done.results["laptop"]["msg"].startswith(f"the metadata service at {NOBODY} is unavailable: ")


def test_task_fails_while_the_instance_boots(play: Callable[..., Play]) -> None:
    with Simulator({"meta-data/ami-id": b"ami-1234567890abcdef0"}) as url:
        done = play([gather()], {"booting": {"endpoint": url}})

    assert done.results["booting"]["msg"].startswith(f"the metadata service at {url} is not ready: ")


@pytest.fixture
def incomplete() -> Iterator[dict[str, dict[str, str]]]:
    with Simulator(
        instances.load("plain"), faults=["status=404@meta-data/hostname", "status=500@meta-data/ami-id"]
    ) as url:
        yield {"plain": {"endpoint": url}}


def test_unread_fact_is_a_warning_and_other_facts_are_returned(
    play: Callable[..., Play], incomplete: dict[str, dict[str, str]]
) -> None:
    done = play([gather()], incomplete)

    result = done.results["plain"]
    assert result["warnings"] == ["meta-data/ami-id could not be read: HTTP 500"]
    assert result["ansible_facts"]["ansible_ec2"]["collection"]["unread"] == {"meta-data/ami-id": "HTTP 500"}
    assert own("plain").keys() - result["ansible_facts"]["ansible_ec2"].keys() == {"ami_id", "hostname"}


def test_unread_fact_fails_the_task_without_partial(
    play: Callable[..., Play], incomplete: dict[str, dict[str, str]]
) -> None:
    done = play([gather(partial=False)], incomplete)

    assert done.results["plain"]["msg"] == (
        "could not be read: meta-data/ami-id (HTTP 500); with partial, the task returns the other facts"
    )


def test_no_message_names_an_option_of_the_command_line(
    play: Callable[..., Play], busy: dict[str, dict[str, str]], incomplete: dict[str, dict[str, str]]
) -> None:
    hosts = {**busy, **incomplete, **LAPTOP}

    choices: list[dict[str, Any]] = [{}, {"partial": False}, {"include": ["none"]}, {"only": ["user_data", "none"]}]
    done = play([{**gather(**options), "ignore_errors": True} for options in choices], hosts)

    results = [result for task in done.tasks for result in task.values()]
    texts = [str(result.get(key)) for result in results for key in result if key != "invocation"]
    assert len(results) == len(choices) * len(hosts)
    assert [text for text in texts if "--" in text.replace("-----", "")] == []


def test_withheld_fact_is_returned_if_included(play: Callable[..., Play], busy: dict[str, dict[str, str]]) -> None:
    tasks = [
        {**gather(include=["user_data"]), "no_log": True},
        {"ansible.builtin.debug": {"var": "ansible_facts.ec2.user_data"}},
    ]

    done = play(tasks, busy)

    first, second = done.tasks
    assert "ansible_facts" not in first["busy"]
    assert "base64" in second["busy"]["ansible_facts.ec2.user_data"]


@pytest.fixture
def old_target(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, str]:
    """Return the variables of a host whose Python is of another version."""
    python = other_python(request.param)
    if python is None:
        pytest.skip(f"this machine has no Python {request.param}")
    return {"ansible_python_interpreter": str(bare_python(tmp_path / "target", python))}


@pytest.mark.parametrize("old_target", ["3.9"], indirect=True)
def test_oldest_supported_python_on_a_target_works(
    play: Callable[..., Play], busy: dict[str, dict[str, str]], old_target: dict[str, str]
) -> None:
    done = play([gather()], {"busy": {**busy["busy"], **old_target}})

    assert done.results["busy"]["ansible_facts"] == {"ansible_ec2": own("busy")}


@pytest.mark.parametrize("old_target", ["3.8"], indirect=True)
def test_older_python_on_a_target_is_refused_with_one_sentence(
    play: Callable[..., Play], busy: dict[str, dict[str, str]], old_target: dict[str, str]
) -> None:
    done = play([gather()], {"busy": {**busy["busy"], **old_target}})

    python = old_target["ansible_python_interpreter"]
    assert re.fullmatch(
        rf"ec2facts\.facts\.gather needs Python 3\.9 or newer on the target; {python} is Python 3\.8\.\d+",
        done.results["busy"]["msg"],
    )


def test_targets_over_ssh_need_only_python(
    play: Callable[..., Play], simulated: dict[str, dict[str, str]], program: Callable[..., str], tmp_path: Path
) -> None:
    with running_sshd(program, tmp_path) as sshd:
        hosts = {name: {**sshd, **simulated[name]} for name in ("plain", "busy", "xen")}

        done = play([gather()], hosts)

    returned = {host: result["ansible_facts"] for host, result in done.results.items()}
    assert returned == {name: {"ansible_ec2": own(name)} for name in hosts}


def test_unknown_name_to_include_is_an_error(play: Callable[..., Play], busy: dict[str, dict[str, str]]) -> None:
    done = play([gather(include=["user-dat"])], busy)

    assert "'user-dat' is not a withheld fact" in done.results["busy"]["msg"]


def test_options_select_facts(play: Callable[..., Play], busy: dict[str, dict[str, str]]) -> None:
    tasks = [gather(only=["tags.Name", "instance_t*", "placement/region"]), gather(tree=True)]

    done = play(tasks, busy)

    only, tree = (set(each["busy"]["ansible_facts"]["ansible_ec2"]) for each in done.tasks)
    assert only == {"tags", "instance_type", "placement_region", "collection"}
    assert tree == set(own("busy")) | set(TREE)


def test_template_in_a_tag_is_not_rendered(play: Callable[..., Play]) -> None:
    tag = "{{ 1 + 1 }} {% raw %}"
    bodies = {"meta-data/instance-id": b"i-1234567890abcdef0", "meta-data/tags/instance/Name": tag.encode()}

    with Simulator(bodies) as url:
        done = play(
            [gather(), {"ansible.builtin.debug": {"var": "ansible_facts.ec2.tags.Name"}}], {"one": {"endpoint": url}}
        )

    assert done.results["one"]["ansible_facts.ec2.tags.Name"] == tag


README = (ROOT / "ec2facts/integrations/ansible/README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("documented", re.findall("^```yaml\n(.*?)^```$", README, re.MULTILINE | re.DOTALL))
def test_documented_play_succeeds_with_a_service_and_without(
    play: Callable[..., Play], simulated: dict[str, dict[str, str]], documented: str
) -> None:
    (example,) = yaml.safe_load(documented)
    tasks = example.pop("tasks")
    keys = {key: value for key, value in example.items() if key != "hosts"}

    for endpoint in (simulated["busy"]["endpoint"], NOBODY):
        done = play(tasks, {"one": {}}, environ={"AWS_EC2_METADATA_SERVICE_ENDPOINT": endpoint}, **keys)

        assert done.status == 0, done.output


def test_module_is_documented_with_every_option(ansible: Engine) -> None:
    done = ansible.run("-m", "ansible", "doc", "--json", "ec2facts.facts.gather")

    documented = json.loads(done.stdout)["ec2facts.facts.gather"]
    assert "no_log" in str(documented["doc"]["options"]["include"]["description"])
    assert set(documented["doc"]["options"]) == {
        *("endpoint", "include", "only", "tree", "names", "wait", "deadline", "required", "partial")
    }


def test_editable_install_includes_the_module(
    engine: Callable[..., Engine], target_python: Path, tmp_path: Path
) -> None:
    editable = engine("ansible", build_wheel(tmp_path, target="wheel:editable"))

    done = editable.run(
        "-m",
        "ansible",
        "adhoc",
        "localhost",
        "-e",
        f"ansible_python_interpreter={target_python}",
        "-m",
        "ec2facts.facts.gather",
        "-a",
        f"endpoint={NOBODY}",
    )

    assert '"ansible_ec2": {}' in done.stdout


def test_collection_is_listed_with_the_version_of_the_package(ansible: Engine) -> None:
    done = ansible.run("-m", "ansible", "galaxy", "collection", "list", "ec2facts.facts")

    assert ["ec2facts.facts", __version__] in [line.split() for line in done.stdout.splitlines()]


@pytest.fixture
def folder(ansible: Engine, tmp_path: Path) -> Path:
    """Return a copy of the installed collection."""
    copy = tmp_path / "ansible_collections/ec2facts/facts"
    ignored = shutil.ignore_patterns("__pycache__")
    return Path(shutil.copytree(ansible.packages / "ansible_collections/ec2facts/facts", copy, ignore=ignored))


def test_collection_is_built_for_galaxy_from_the_installed_folder(
    ansible: Engine, folder: Path, tmp_path: Path
) -> None:
    ansible.run("-m", "ansible", "galaxy", "collection", "build", folder, "--output-path", tmp_path)

    with tarfile.open(tmp_path / f"ec2facts-facts-{__version__}.tar.gz") as archive:
        names = set(archive.getnames())
    sources = {file.relative_to(folder).as_posix() for file in folder.rglob("*.*") if file.is_file()}
    assert sources - {"galaxy.yml"} == {name for name in names if "." in name} - {"MANIFEST.json", "FILES.json"}


BOOTSTRAP = "import ensurepip; ensurepip.bootstrap()"
"""Installs pip into the environments of ansible-test, instead of the script that it would download."""

UNSUITABLE = """\
plugins/modules/gather.py validate-modules:missing-gplv3-license  # ec2facts has the MIT license
plugins/module_utils/ec2facts/imds/session.py import-PYTHON  # for callers who bring a session
"""


def test_collection_passes_the_sanity_tests_of_ansible(ansible: Engine, folder: Path) -> None:
    python = f"{sys.version_info[0]}.{sys.version_info[1]}"
    pip_settings = Path(os.environ.get("PIP_CONFIG_FILE") or Path.home() / ".config/pip/pip.conf")
    version = ansible.run("-c", "import ansible; print(*ansible.__version__.split('.')[:2], sep='.')").stdout.strip()
    (folder / "tests/sanity").mkdir(parents=True)
    (folder / f"tests/sanity/ignore-{version}.txt").write_text(UNSUITABLE.replace("PYTHON", python))
    cache = ansible.home / ".ansible/test/cache"
    cache.mkdir(parents=True, exist_ok=True)
    (cache / "get_pip_24_2.py").write_text(BOOTSTRAP)

    # Skip the two tests of style: ruff decides the style of the copies.
    done = ansible.run(
        *(ansible.environment / "bin/ansible-test", "sanity", "--color", "no", "--python", python),
        *("--skip-test", "pylint", "--skip-test", "pep8"),
        cwd=folder,
        environ={"PIP_CONFIG_FILE": str(pip_settings)} if pip_settings.exists() else {},
        check=False,
    )

    errors = [line for line in done.stdout.splitlines() if line.startswith(("ERROR", "FATAL"))]
    assert (errors, done.returncode) == ([], 0), done.stdout + done.stderr
