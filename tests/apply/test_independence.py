"""Each output is independent of unread paths that it does not use, hostile tags and broken outputs."""

from __future__ import annotations

import json
import tempfile
from contextlib import suppress
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from ec2facts import Snapshot, instances
from ec2facts.apply.outputs import EnvOptions, Output
from ec2facts.apply.run import apply, render, render_one
from ec2facts.errors import EC2FactsError
from ec2facts.imds.snapshot import Gap
from ec2facts.install.file import File
from tests.fuzzing import examples

PLAIN = instances.load("plain")
TAGS = "meta-data/tags/instance/"
PATHS = sorted(PLAIN.bodies.keys() - {"meta-data/instance-id"})
# No listings: without one, a full run misses paths that an output alone reads by name.
FOUND = [path for path in PATHS if not path.endswith("/")] + [TAGS]

TEMPLATES = {"template": "{{ instance_id }} {{ tags.Name }}\n", "other": "{% for k in tags %}{{ k }}\n{% endfor %}"}
OUTPUTS = {
    "json": Output(File(Path("json"))),
    "partial": Output(File(Path("partial")), allow_partial=True),
    "only": Output(File(Path("only")), only=("region", "network_interfaces.*.subnet_id")),
    "env": Output(File(Path("env")), "systemd"),
    "docker": Output(File(Path("docker")), "docker", only=("tags",)),
    "skipping": Output(File(Path("skipping")), "docker", env=EnvOptions(skip_unrepresentable=True)),
    "template": Output(File(Path("template")), template="template"),
    "other": Output(File(Path("other")), template="other"),
    "each": Output(File(Path("each")), for_each="tags", path="each-{{ key }}", template="template"),
    "conditional": Output(File(Path("conditional")), when="tags.Name == 'web-1'"),
}
BROKEN = {
    "owner": File(Path("json"), owner="no-such-user"),
    "group": File(Path("json"), group="no-such-group"),
    "directory": File(Path("missing/json")),
    "check": File(Path("json"), check="false {}"),
    "none": File(Path("json")),
}

TEXTS = st.one_of(st.sampled_from(["", " ", "a\nb", "../x", "\0", "a b ", "'", "-"]), st.text(max_size=8))


def placed(output: Output, directory: Path) -> Output:
    """Return the output in a directory, with its template."""
    file = output.file._replace(path=directory / output.file.path)
    template = None if output.template is None else str(directory / f"{output.template}.j2")
    return output._replace(file=file, template=template, base=directory)


def written(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir() if path.is_file() and path.suffix != ".j2"}


@examples(15)
@given(
    unread=st.one_of(st.none(), st.sampled_from(FOUND)),
    key=TEXTS.filter(lambda text: text not in {"", ".", ".."} and not {"/", "\n", "\0"} & set(text)),
    value=TEXTS,
    broken=st.sampled_from(sorted(BROKEN)),
)
def test_output_is_the_same_with_or_without_other_outputs(
    unread: str | None, key: str, value: str, broken: str
) -> None:
    bodies = {path: body for path, body in PLAIN.bodies.items() if path != unread}
    if TAGS in bodies:
        with suppress(UnicodeEncodeError):
            bodies[TAGS + key] = value.encode()
            bodies[TAGS] += b"\n" + key.encode()
    source = Snapshot(bodies, {} if unread is None else {unread: Gap("unread", "HTTP 500")})
    outputs = {**OUTPUTS, "json": OUTPUTS["json"]._replace(file=BROKEN[broken])}

    with tempfile.TemporaryDirectory(dir="/dev/shm") as name:  # fsync is fast in memory
        directory = Path(name)
        for template, text in TEMPLATES.items():
            (directory / f"{template}.j2").write_text(text)
        placed_outputs = [placed(output, directory) for output in outputs.values()]
        with suppress(EC2FactsError):
            apply(placed_outputs, source, state=directory / "state")
        together = written(directory)
        alone = {
            file.path.name: file.content
            for output in placed_outputs
            for file in render([output], source).files
            if broken == "none" or file.path.name != "json"
        }

    assert together == alone
    assert "partial" in together
    assert json.loads(together["partial"])["instance_id"] == "i-1234567890abcdef0"


@examples(15)
@given(unread=st.sampled_from(PATHS), name=st.sampled_from(sorted(OUTPUTS.keys() - {"partial", "each"})))
def test_written_output_is_the_same_as_without_unread_facts(unread: str, name: str) -> None:
    bodies = {path: body for path, body in PLAIN.bodies.items() if path != unread}
    source = Snapshot(bodies, {unread: Gap("unread", "HTTP 500")})

    with tempfile.TemporaryDirectory() as directory:
        for template, text in TEMPLATES.items():
            Path(directory, f"{template}.j2").write_text(text)
        output = placed(OUTPUTS[name], Path(directory))
        complete = render_one(output, PLAIN).content
        try:
            content = render_one(output, source).content
        except EC2FactsError as error:
            assert error.exit_status == 4, error  # noqa: PT017 (only some of them fail)
        else:
            assert content == complete
