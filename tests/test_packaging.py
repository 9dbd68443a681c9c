"""The wheel and the sdist, built without a network."""

from __future__ import annotations

import configparser
import re
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from email import message_from_string
from email.message import Message
from pathlib import Path

import pytest

from ec2facts import __version__
from ec2facts.integrations.build_hook import COLLECTION, write_collection
from ec2facts.render.template.search import list_templates, packaged_templates
from tests.manual import PAGE

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built("wheel", ROOT, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="session")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built("sdist", ROOT, tmp_path_factory.mktemp("sdist"))


@pytest.fixture(scope="session")
def metadata(wheel: Path) -> Callable[[str], str]:
    """Return a function that reads a file of the wheel's metadata."""

    def read(name: str) -> str:
        with zipfile.ZipFile(wheel) as archive:
            return archive.read(f"ec2facts-{__version__}.dist-info/{name}").decode()

    return read


def built(kind: str, source: Path, directory: Path) -> Path:
    command = [sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", str(directory)]
    subprocess.run(command, cwd=source, check=True, capture_output=True)
    (file,) = directory.iterdir()
    return file


def content(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist() if ".dist-info/" not in name}


def test_wheel_holds_the_package_and_the_templates_byte_for_byte(wheel: Path) -> None:
    integrations = ROOT / "ec2facts/integrations"
    files = [
        file
        for file in (ROOT / "ec2facts").rglob("*")
        if file.is_file() and file.suffix != ".pyc" and not file.is_relative_to(integrations / "ansible")
    ]
    files.remove(integrations / "build_hook.py")
    files.remove(PAGE)
    expected = {file.relative_to(ROOT).as_posix(): file.read_bytes() for file in files}
    expected[f"ec2facts-{__version__}.data/data/share/man/man1/ec2facts.1"] = PAGE.read_bytes()
    for file in packaged_templates().iterdir():
        expected[f"ec2facts/templates/{file.name}"] = file.read_bytes()

    installed = {name: body for name, body in content(wheel).items() if not name.startswith(COLLECTION)}
    assert installed == expected
    assert {"ec2facts/py.typed", "ec2facts/instances/plain.json", "ec2facts/templates/motd.j2"} <= set(expected)


def test_wheel_holds_the_ansible_collection(wheel: Path, tmp_path: Path) -> None:
    write_collection(ROOT, tmp_path, __version__)

    installed = {name: body for name, body in content(wheel).items() if name.startswith(COLLECTION)}

    written = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert installed == {file.relative_to(tmp_path).as_posix(): file.read_bytes() for file in written}


def test_wheel_supports_every_python_3(wheel: Path) -> None:
    assert wheel.name == f"ec2facts-{__version__}-py3-none-any.whl"


def test_entry_points_are_the_command_the_pytest_plugin_and_the_salt_modules(metadata: Callable[[str], str]) -> None:
    entry_points = configparser.ConfigParser()
    entry_points.read_string(metadata("entry_points.txt"))

    assert {name: dict(entry_points[name]) for name in entry_points.sections()} == {
        "console_scripts": {"ec2facts": "ec2facts.cli:main"},
        "pytest11": {"ec2facts": "ec2facts.pytest_plugin"},
        "salt.loader": {"ec2facts": "ec2facts.integrations.salt"},
    }


def test_wheel_has_three_dependencies_with_lower_bounds(metadata: Callable[[str], str]) -> None:
    required = [line for line in described(metadata).get_all("Requires-Dist", []) if "extra ==" not in line]

    assert sorted(re.sub(r">=[\d.]+$", "", line) for line in required) == ["jinja2", "pyyaml", "requests"]
    assert all(">=" in line for line in required)


def test_description_has_the_version_the_readme_and_the_license(metadata: Callable[[str], str]) -> None:
    described_as = described(metadata)

    assert described_as["Version"] == __version__
    assert described_as["Requires-Python"] == ">=3.9"
    assert described_as.get_payload() == (ROOT / "README.md").read_text(encoding="utf-8")
    assert metadata("licenses/LICENSE") == (ROOT / "LICENSE").read_text(encoding="utf-8")


def test_oldest_python_is_the_first_classifier(metadata: Callable[[str], str]) -> None:
    classifiers = described(metadata).get_all("Classifier", [])

    named = [line.rpartition(" ")[2] for line in classifiers if " :: 3." in line]

    assert f">={named[0]}" == described(metadata)["Requires-Python"]


def test_installed_package_finds_its_templates_and_instances(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    script = (
        "import ec2facts; from ec2facts import instances; from ec2facts.render.template import search;"
        "print(ec2facts.__file__, *instances.names(), *(each.name for each in search.list_templates()))"
    )

    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, check=True, capture_output=True, text=True)

    file, *names = done.stdout.split()
    assert file == str(tmp_path / "ec2facts/__init__.py")
    assert names == [*instance_names(), *(template.name for template in list_templates())]


def test_sdist_builds_the_same_wheel(sdist: Path, wheel: Path, tmp_path: Path) -> None:
    subprocess.run(["tar", "-xf", str(sdist)], cwd=tmp_path, check=True)
    (unpacked,) = tmp_path.iterdir()

    again = built("wheel", unpacked, tmp_path / "built")

    assert content(again) == content(wheel)


def test_sdist_includes_the_tests(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}

    assert {"tests/test_packaging.py", "tests/conftest.py", "pyproject.toml", "README.md", "LICENSE"} <= names


def described(metadata: Callable[[str], str]) -> Message:
    return message_from_string(metadata("METADATA"))


def instance_names() -> list[str]:
    return sorted(file.stem for file in (ROOT / "ec2facts/instances").glob("*.json"))
