from __future__ import annotations

from pathlib import Path

import pytest

from ec2facts import Snapshot, facts, instances
from ec2facts.apply.config import load_config
from ec2facts.apply.observer import ApplyObserver
from ec2facts.apply.outputs import Output
from ec2facts.apply.run import apply
from ec2facts.errors import EC2FactsError, IncompleteError, TemplateError, UsageError
from ec2facts.imds.snapshot import Gap
from ec2facts.imds.source import Source
from ec2facts.install.file import File
from tests.install.conftest import Recorder as InstallRecorder


class Recorder(ApplyObserver, InstallRecorder):
    """Records the events of installs, and the outputs that were skipped."""

    def skipped(self, name: str) -> None:
        self.events.append(f"skipped {name}")


def written(directory: Path) -> dict[str, str]:
    """Return the files below ``directory`` with their contents."""
    files = sorted(path for path in directory.rglob("*") if path.is_file())
    return {str(path.relative_to(directory)): path.read_text() for path in files}


def run(tmp_path: Path, text: str, source: Source, *, name: str = "config") -> list[str]:
    """Apply a config whose outputs go to ``out``; return what happened."""
    (tmp_path / "out").mkdir(exist_ok=True)
    (tmp_path / "ec2facts.yaml").write_text(text)
    recorder = Recorder()
    apply(load_config(tmp_path / "ec2facts.yaml"), source, state=tmp_path / "state", name=name, observer=recorder)
    return recorder.events


INTERFACES = """
outputs:
- path: out/{{ item.interface_id }}.conf
  for_each: network_interfaces
  template: ./interface.j2
  prune: true
"""


@pytest.mark.parametrize("instance", instances.names())
def test_for_each_writes_a_file_for_each_interface(tmp_path: Path, instance: str) -> None:
    (tmp_path / "interface.j2").write_text("{{ key }} {{ item.mac }} {{ region }}")
    source = instances.load(instance)

    run(tmp_path, INTERFACES.replace("item.interface_id", "key"), source)

    everything = facts(source)
    expected = {f"{mac}.conf": f"{mac} {mac} {everything['region']}" for mac in everything["network_interfaces"]}
    assert written(tmp_path / "out") == expected


def test_only_the_file_of_a_removed_item_is_pruned(tmp_path: Path) -> None:
    (tmp_path / "interface.j2").write_text("{{ key }}")
    run(tmp_path, INTERFACES, instances.load("busy"))
    before = written(tmp_path / "out")
    (tmp_path / "out/mine.conf").write_text("mine")

    events = run(tmp_path, INTERFACES, instances.load("plain"))

    assert len(before) == 4
    now = written(tmp_path / "out").keys()
    assert now == {"eni-1234567890abcdef0.conf", "mine.conf"}
    assert {line for line in events if line.startswith("removed")} == {
        f"removed {name}" for name in before.keys() - now
    }


@pytest.mark.parametrize(
    "gap",
    [
        Gap("unread", "HTTP 500"),
        Gap("withheld", "x"),
    ],
)
def test_nothing_is_pruned_when_the_items_are_unknown(tmp_path: Path, gap: Gap) -> None:
    (tmp_path / "interface.j2").write_text("{{ key }}")
    run(tmp_path, INTERFACES, instances.load("busy"))
    before = written(tmp_path / "out")
    source = Snapshot({"meta-data/instance-id": b"i-0"}, {"meta-data/network/interfaces/macs/": gap})

    with pytest.raises(EC2FactsError):
        run(tmp_path, INTERFACES, source)

    assert written(tmp_path / "out") == before


def test_file_whose_rendering_fails_is_not_pruned(tmp_path: Path) -> None:
    (tmp_path / "interface.j2").write_text("{{ key }}")
    run(tmp_path, INTERFACES, instances.load("plain"))
    before = written(tmp_path / "out")
    (tmp_path / "interface.j2").write_text("{{ nothing }}")

    with pytest.raises(TemplateError):
        run(tmp_path, INTERFACES, instances.load("plain"))

    assert written(tmp_path / "out") == before


def test_file_of_an_output_that_left_the_config_is_pruned(tmp_path: Path) -> None:
    keep = "outputs:\n- {path: out/kept, format: sh, only: region, prune: true}\n"
    run(tmp_path, keep + "- {path: out/gone, format: json, prune: true}", instances.load("plain"))

    other = run(tmp_path, keep.replace("kept", "other"), instances.load("plain"), name="another config")
    assert [line for line in other if line.startswith("removed")] == []

    events = run(tmp_path, keep, instances.load("plain"))

    assert written(tmp_path / "out").keys() == {"kept", "other"}
    assert "removed gone" in events


def test_output_is_skipped_when_its_condition_is_false(tmp_path: Path) -> None:
    text = "outputs: [{path: out/drain, format: sh, only: region, when: spot_instance_action is defined}]"

    events = run(tmp_path, text, instances.load("plain"))

    assert events == [f"skipped {tmp_path}/out/drain"]
    assert written(tmp_path / "out") == {}


def test_condition_is_evaluated_for_each_item(tmp_path: Path) -> None:
    text = "outputs: [{path: 'out/{{ key }}', format: sh, only: region, for_each: tags, when: key != 'Owner'}]"

    run(tmp_path, text, instances.load("plain"))

    assert written(tmp_path / "out").keys() == {"Environment", "Name"}


@pytest.mark.parametrize("value", ["a/b", "..", ".", "", "a\0b", "../../etc/passwd", "/etc/passwd"])
def test_value_that_is_not_one_path_component_is_refused(tmp_path: Path, value: str) -> None:
    source = Snapshot({"meta-data/instance-id": b"i-0", "meta-data/profile": value.encode()})
    output = Output(File(Path()), "sh", only=("instance_id",), path="out/{{ profile }}", base=tmp_path)

    with pytest.raises(
        UsageError, match=r"^out/\{\{ profile \}\}: the value of \{\{ profile \}\}, .* is not a file name"
    ):
        apply([output], source, state=tmp_path / "state")

    assert written(tmp_path) == {}


def test_values_that_join_to_an_invalid_file_name_are_refused(tmp_path: Path) -> None:
    output = Output(File(Path()), "sh", only=("region",), path="{{ '.' ~ '' }}{{ '.' }}/x", base=tmp_path)

    with pytest.raises(UsageError, match="is not a file name"):
        apply([output], instances.load("plain"), state=tmp_path / "state")


@pytest.mark.parametrize(
    ("keys", "error"),
    [
        ("for_each: region", "for_each: the value is neither a list nor a mapping"),
        ("for_each: nothing", "for_each: undefined 'nothing'"),
        ("when: region", "when: the value is text; write a comparison"),
        ("when: 'region =='", "when: "),
        ("when: tags.Nmae == 'x'", "when: undefined 'tags.Nmae' (did you mean 'tags.Name'?)"),
    ],
)
def test_error_in_an_expression_names_its_key(tmp_path: Path, keys: str, error: str) -> None:
    with pytest.raises(TemplateError) as caught:
        run(tmp_path, f"outputs:\n- path: out/x\n  format: json\n  {keys}", instances.load("plain"))

    assert str(caught.value).startswith(f"{tmp_path}/out/x: {error}")


def test_unread_fact_in_an_expression_fails_the_output(tmp_path: Path) -> None:
    source = Snapshot({"meta-data/instance-id": b"i-0"}, {"meta-data/kernel-id": Gap("unread", "HTTP 500")})

    with pytest.raises(EC2FactsError) as error:
        run(tmp_path, "outputs: [{path: out/x, format: sh, when: kernel_id is defined}]", source)

    assert error.value.exit_status == IncompleteError.exit_status


def test_second_item_with_the_path_of_the_first_fails(tmp_path: Path) -> None:
    text = "outputs: [{path: 'out/{{ region }}', format: sh, only: region, for_each: [1, 2]}]".replace(
        "[1, 2]", "'[1, 2]'"
    )

    with pytest.raises(UsageError, match="us-east-1: another output or item writes the same file"):
        run(tmp_path, text, instances.load("plain"))

    assert written(tmp_path / "out").keys() == {"us-east-1"}


def test_directory_of_templates_is_rendered_and_copied(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    (tree / "bin").mkdir(parents=True)
    (tree / "app.conf.j2").write_text("{{ region }} {{ port }}")
    (tree / "bin/run.j2").write_text("#!/bin/sh\n# {{ region }}\n")
    (tree / "bin/run.j2").chmod(0o755)
    (tree / "plain.txt").write_bytes(b"{{ not a template }}\xff")
    (tree / "README.md").write_text("left out")

    text = "outputs: [{path: out/app, directory: tree, exclude: '*.md', vars: {port: 80}}]"
    run(tmp_path, text, instances.load("plain"))

    assert (tmp_path / "out/app/app.conf").read_text() == "us-east-1 80"
    assert (tmp_path / "out/app/bin/run").read_text() == "#!/bin/sh\n# us-east-1\n"
    assert (tmp_path / "out/app/bin/run").stat().st_mode & 0o111 == 0o111
    assert (tmp_path / "out/app/plain.txt").read_bytes() == b"{{ not a template }}\xff"
    assert not (tmp_path / "out/app/README.md").exists()


def test_missing_directory_of_templates_fails_its_output(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=f"^{tmp_path}/out/app: there is no directory {tmp_path}/tree"):
        run(tmp_path, "outputs: [{path: out/app, directory: tree}]", instances.load("plain"))


def test_missing_parents_are_created_on_request(tmp_path: Path) -> None:
    run(tmp_path, "outputs: [{path: out/a/b/c, format: sh, only: region, parents: true}]", instances.load("plain"))

    assert written(tmp_path / "out") == {"a/b/c": "EC2_REGION='us-east-1'\n"}
    assert (tmp_path / "out/a").stat().st_mode & 0o777 == 0o755


def test_variables_reach_templates_and_expressions(tmp_path: Path) -> None:
    (tmp_path / "t.j2").write_text("{{ port }} {{ vars.name }} {{ item }}")

    run(
        tmp_path,
        """
        vars: {port: 80, name: shared}
        outputs:
        - {path: "out/{{ name }}-{{ item }}", template: ./t.j2, for_each: names, vars: {name: own, names: [a, b]}}
        """,
        instances.load("plain"),
    )

    assert written(tmp_path / "out") == {"own-a": "80 own a", "own-b": "80 own b"}


def test_template_that_ships_gets_only_the_shared_variables_that_it_declares(tmp_path: Path) -> None:
    run(tmp_path, "vars: {unheard_of: 1}\noutputs: [{path: out/motd, template: motd}]", instances.load("plain"))

    assert written(tmp_path / "out")["motd"].startswith("Instance  i-1234567890abcdef0")
    with pytest.raises(UsageError, match="has no variable 'unheard_of'"):
        run(tmp_path, "outputs: [{path: out/motd, template: motd, vars: {unheard_of: 1}}]", instances.load("plain"))
