from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from ec2facts.integrations.build_hook import COLLECTION, COPIES, imported_modules, write_collection
from tests.integrations.engines.engine import ROOT


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """Return a checkout in which main.py imports one module in a function and another for type checkers."""
    files = {
        "ec2facts/__init__.py": "from ec2facts.room import lazy\n",
        "ec2facts/room/__init__.py": "",
        "ec2facts/room/first.py": "from ec2facts.room import second\n",
        "ec2facts/room/second.py": "import json\n",
        "ec2facts/room/third.py": "",
        "ec2facts/room/lazy.py": "",
        "main.py": (
            "from typing import TYPE_CHECKING\n"
            "def use():\n"
            "    from ec2facts.room.first import name\n"
            "if TYPE_CHECKING:\n"
            "    from ec2facts.room.third import Name\n"
        ),
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_imported_modules_include_every_import_and_its_packages(package: Path) -> None:
    found = imported_modules(package, [package / "main.py"])

    assert [file.relative_to(package / "ec2facts").as_posix() for file in found] == [
        "__init__.py",
        "room/__init__.py",
        "room/first.py",
        "room/second.py",
        "room/third.py",
    ]


@pytest.fixture(scope="module")
def collection(tmp_path_factory: pytest.TempPathFactory) -> Path:
    top = tmp_path_factory.mktemp("collection")
    write_collection(ROOT, top, "1.2.3")
    return top


def test_collection_has_the_version_of_the_package(collection: Path) -> None:
    assert "\nversion: 1.2.3\n" in (collection / COLLECTION / "galaxy.yml").read_text()


def test_copies_import_each_other_and_nothing_from_the_package(collection: Path) -> None:
    imported = {
        node.module
        for file in (collection / COPIES).rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.ImportFrom) and node.module
    }

    ours = [module for module in imported if "ec2facts" in module]
    prefix = COPIES.replace("/", ".")
    assert [
        module for module in ours if not f"{prefix}.".startswith(f"{module}.") and not module.startswith(prefix)
    ] == []


def test_modules_that_only_the_command_line_uses_are_not_copied(collection: Path) -> None:
    rooms = {path.name for path in (collection / COPIES).iterdir() if path.is_dir()}

    assert rooms == {"imds", "metadata", "collection", "apply", "integrations"}


def test_every_copy_can_be_imported_without_the_package_and_its_dependencies(collection: Path) -> None:
    modules = sorted(
        ".".join(file.relative_to(collection).with_suffix("").parts) for file in (collection / COPIES).rglob("*.py")
    )
    imports = f"for name in {modules}: importlib.import_module(name)"
    script = f"import importlib, sys\n{imports}\nprint('ec2facts' in sys.modules)"

    done = subprocess.run([sys.executable, "-c", script], cwd=collection, capture_output=True, text=True, check=True)

    assert done.stdout == "False\n"
