"""ec2facts as one file: a zip file that Python runs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipapp
from importlib import import_module
from pathlib import Path

import pytest

from tests.cli.running import Outcome, execute

ROOT = Path(__file__).parent.parent
DEPENDENCIES = ("jinja2", "markupsafe", "yaml")


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A zip file of ec2facts and its dependencies, made as in README.md, but without a download."""
    directory = tmp_path_factory.mktemp("zipapp")
    app = directory / "app"
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--target", str(app)]
    subprocess.run([sys.executable, "-m", "pip", "install", *options, str(ROOT)], check=True)
    for package in DEPENDENCIES:
        shutil.copytree(Path(str(import_module(package).__file__)).parent, app / package)
    zipapp.create_archive(app, directory / "ec2facts.pyz", main="ec2facts.__main__:run")
    return directory / "ec2facts.pyz"


def run(archive: Path, *arguments: str, directory: Path) -> Outcome:
    environment = {**os.environ, "PYTHONNOUSERSITE": "1", "HOME": str(directory)}
    # Isolated from the site-packages of the tests, where ec2facts and its dependencies are installed too.
    return execute(sys.executable, "-I", "-S", archive, *arguments, cwd=directory, env=environment)


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        (["dump", "--simulate", "busy"], '"instance_id": "i-1234567890abcdef0"'),
        (["dump", "--simulate", "-f", "yaml"], "instance_id: "),
        (["env", "--simulate"], "EC2_INSTANCE_ID='i-1234567890abcdef0'"),
        (["render", "nginx-ec2.conf", "--simulate"], "X-Instance-Id"),
        (["templates"], "nginx-ec2.conf.j2"),
        (["templates", "show", "ec2facts.service"], "[Service]"),
        (["show", "-f", "html", "--simulate"], "<!DOCTYPE html>"),
        (["schema"], "instance_id: str"),
        (["completion", "bash"], "complete -o filenames -F _ec2facts ec2facts"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_command_runs_from_one_file(archive: Path, tmp_path: Path, arguments: list[str], shown: str) -> None:
    outcome = run(archive, *arguments, directory=tmp_path)

    assert (outcome.status, outcome.errors) == (0, "")
    assert shown in outcome.output.decode()


def test_copies_of_templates_are_removed_at_the_end(archive: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "TMPDIR": str(tmp_path)}

    execute(sys.executable, "-I", "-S", archive, "render", "motd", "--simulate", env=environment)

    assert list(tmp_path.iterdir()) == []
