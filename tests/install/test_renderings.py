"""A template that would come to the same is not rendered again; whatever it depends on has it rendered."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from ec2facts import Snapshot
from ec2facts.errors import TemplateError
from ec2facts.install import File
from ec2facts.install.apply import apply
from ec2facts.install.output import Output
from ec2facts.render import template as rendering
from tests.install.conftest import identity

INSTANCE = Snapshot({"meta-data/instance-id": b"i-1234567890abcdef0"})
OTHER = Snapshot({"meta-data/instance-id": b"i-0598c7d356eba48d7"})
SECRET = "hunter2 in user data"

Run = Callable[..., int]
"""Applies the output, with what is given instead, and returns how many templates were rendered."""


@pytest.fixture
def etc(tmp_path: Path) -> Path:
    """Return a directory with a template that includes another, found in the second of two directories for it."""
    for name in ("etc", "first", "second"):
        (tmp_path / name).mkdir()
    (tmp_path / "etc/main.j2").write_text("{{ instance_id }} {% include 'name' %}{% include 'absent' ignore missing %}")
    (tmp_path / "second/name").write_text("web\n")
    return tmp_path / "etc"


@pytest.fixture
def output(etc: Path) -> Output:
    template = str(etc / "main.j2")
    return Output(File(etc / "out"), template=template, search_path=(etc.parent / "first", etc.parent / "second"))


@pytest.fixture
def run(output: Output, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    rendered: list[object] = []
    render_template = rendering.render_template

    def counting(*arguments: object, **options: object) -> str:
        rendered.append(arguments)
        return render_template(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(rendering, "render_template", counting)

    def applied(source: Snapshot = INSTANCE, *outputs: Output, dry_run: bool = False) -> int:
        rendered.clear()
        apply(outputs or [output], source, state=tmp_path / "state", dry_run=dry_run)
        return len(rendered)

    return applied


def test_template_is_rendered_once(run: Run, etc: Path) -> None:
    assert run() == 1
    before = identity(etc / "out")

    assert run() == 0

    assert identity(etc / "out") == before
    assert before[-1] == b"i-1234567890abcdef0 web\n"


def test_file_that_was_lost_or_changed_comes_back_without_rendering(run: Run, etc: Path) -> None:
    run()
    (etc / "out").write_text("somebody else's\n")

    assert run() == 0

    assert (etc / "out").read_text() == "i-1234567890abcdef0 web\n"


def test_other_facts_are_rendered(run: Run, etc: Path) -> None:
    run()

    assert run(OTHER) == 1

    assert (etc / "out").read_text() == "i-0598c7d356eba48d7 web\n"


@pytest.mark.parametrize(
    ("file", "text"),
    [
        pytest.param("etc/main.j2", "changed", id="the template changes"),
        pytest.param("second/name", "changed", id="what it includes changes"),
        pytest.param("first/name", "changed", id="another is found first"),
        pytest.param("etc/name", "changed", id="another lies beside it"),
        pytest.param("second/absent", "changed", id="what was not there is there"),
    ],
)
def test_changed_file_is_rendered(run: Run, etc: Path, file: str, text: str) -> None:
    run()
    (etc.parent / file).write_text(text)

    assert run() == 1

    assert "changed" in (etc / "out").read_text()


def test_file_of_the_same_time_and_size_is_rendered_if_it_differs(run: Run, etc: Path) -> None:
    run()
    status = (etc / "main.j2").stat()
    (etc / "main.j2").write_text((etc / "main.j2").read_text().replace("{% include 'n", "-{%include 'n"))
    os.utime(etc / "main.j2", ns=(status.st_atime_ns, status.st_mtime_ns))
    assert (etc / "main.j2").stat().st_size == status.st_size

    assert run() == 1


def test_what_is_gone_is_an_error_as_before(run: Run, etc: Path) -> None:
    run()
    (etc.parent / "second/name").unlink()

    with pytest.raises(TemplateError, match="no template 'name'"):
        run()


def test_what_strangers_can_change_by_now_is_an_error_as_before(run: Run, etc: Path) -> None:
    run()
    (etc.parent / "second").chmod(0o777)

    with pytest.raises(TemplateError, match="everybody can write to its directory"):
        run()


def test_other_search_path_is_rendered(run: Run, output: Output) -> None:
    run()

    assert run(INSTANCE, output._replace(search_path=output.search_path[1:])) == 1


@pytest.mark.parametrize("package", ["ec2facts.render", "jinja2"])
def test_other_code_renders_anew(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, package: str) -> None:
    from importlib.util import find_spec

    run()
    spec = find_spec(package)
    assert spec is not None
    (tmp_path / "new").mkdir()
    (tmp_path / "new/__init__.py").touch()
    monkeypatch.setattr(spec, "submodule_search_locations", [str(tmp_path / "new")])

    assert run() == 1
    assert run() == 0
    os.utime(tmp_path / "new/__init__.py", (0, 0))
    assert run() == 1


def test_output_that_is_gone_is_forgotten(run: Run, output: Output, etc: Path) -> None:
    run()
    (etc / "other.j2").write_text("{{ instance_id }}")
    run(INSTANCE, output._replace(template=str(etc / "other.j2")))

    assert run() == 1


def test_output_that_includes_a_secret_is_always_rendered_and_never_kept(
    run: Run, output: Output, etc: Path, tmp_path: Path
) -> None:
    (etc / "main.j2").write_text("{{ user_data }}")
    source = Snapshot({"meta-data/instance-id": b"i-1234567890abcdef0", "user-data": SECRET.encode()})
    secret = output._replace(include=("user_data",))

    assert run(source, secret) == 1
    assert run(source, secret) == 1

    holding = [file for file in tmp_path.rglob("*") if file.is_file() and SECRET in file.read_text()]
    assert holding == [etc / "out"]


def test_dry_run_keeps_nothing_and_renders(run: Run, tmp_path: Path) -> None:
    assert run(dry_run=True) == 1
    assert not (tmp_path / "state").exists()
    run()

    assert run(dry_run=True) == 1


def test_unchanged_run_writes_nothing(run: Run, tmp_path: Path) -> None:
    run()
    before = identity(tmp_path / "state/renderings.json")

    run()

    assert identity(tmp_path / "state/renderings.json") == before


def test_what_is_kept_is_for_its_owner_alone(run: Run, tmp_path: Path) -> None:
    run()

    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "state/renderings.json").stat().st_mode & 0o777 == 0o600


def test_directory_that_is_open_to_others_is_not_used(run: Run, tmp_path: Path) -> None:
    run()
    (tmp_path / "state").chmod(0o777)

    assert run() == 1
    assert run(OTHER) == 1
    assert b"i-0598c7d356eba48d7" not in (tmp_path / "state/renderings.json").read_bytes()


def test_what_was_kept_and_is_damaged_is_rendered_anew(run: Run, tmp_path: Path) -> None:
    run()
    kept = tmp_path / "state/renderings.json"
    kept.write_bytes(kept.read_bytes()[:-20])

    assert run() == 1
    assert run() == 0


def test_what_was_kept_and_is_no_object_is_rendered_anew(run: Run, tmp_path: Path) -> None:
    run()
    (tmp_path / "state/renderings.json").write_text("[]")

    assert run() == 1


def test_place_that_is_no_directory_is_done_without(run: Run, etc: Path, tmp_path: Path) -> None:
    (tmp_path / "state").touch()

    assert run() == 1

    assert (etc / "out").read_text() == "i-1234567890abcdef0 web\n"
