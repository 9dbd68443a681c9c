"""The build hook of hatchling that adds the Ansible collection ``ec2facts.facts`` to the wheel.

Ansible sends a module to its targets with only its imports from the collection. So every module of ec2facts that the
collection imports is copied into it, with its imports renamed.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hatchling.builders.config import BuilderConfig
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

COLLECTION = "ansible_collections/ec2facts/facts"
COPIES = f"{COLLECTION}/plugins/module_utils/ec2facts"
SOURCE = "ec2facts/integrations/ansible"


class CollectionHook(BuildHookInterface[BuilderConfig]):
    """Adds the collection to a wheel, editable or not."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Write the collection to a temporary directory, which the wheel includes."""
        self._directory = TemporaryDirectory()
        top = Path(self._directory.name)
        write_collection(Path(self.root), top, self.metadata.version)
        build_data["force_include"][str(top / COLLECTION)] = COLLECTION

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove the temporary directory."""
        self._directory.cleanup()


def write_collection(root: Path, top: Path, version: str) -> None:
    """Write the collection below ``top``, from the sources below ``root``."""
    source = root / SOURCE
    for file in sorted(source.rglob("*")):
        if file.is_file() and file.suffix != ".pyc":
            text = file.read_text(encoding="utf-8").replace("VERSION", version)
            _write(top / COLLECTION / file.relative_to(source), _renamed(text) if file.suffix == ".py" else text)
    for file in imported_modules(root, sorted(source.rglob("*.py"))):
        # Ansible would follow the lazy imports of a package's public names, which the collection does not use.
        text = "" if file.name == "__init__.py" else _renamed(file.read_text(encoding="utf-8"))
        _write(top / COPIES / file.relative_to(root / "ec2facts"), text)


def imported_modules(root: Path, importing: list[Path]) -> list[Path]:
    """Return the files of ec2facts that the files ``importing`` import, directly or not, and their packages."""
    found: set[Path] = set()
    waiting = list(importing)
    while waiting:
        tree = ast.parse(waiting.pop().read_text(encoding="utf-8"))
        for name in _imports(tree):
            file = root.joinpath(*name.split(".")).with_suffix(".py")
            if file.is_file() and file not in found:
                found.add(file)
                waiting.append(file)
    packages = {parent / "__init__.py" for file in found for parent in list(file.relative_to(root).parents)[:-1]}
    return sorted(found | {root / package for package in packages})


def _imports(tree: ast.Module) -> Iterator[str]:
    """Yield the names of modules, and names that may be modules, that ``tree`` imports from ec2facts."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and f"{node.module}.".startswith("ec2facts."):
            yield str(node.module)
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _renamed(text: str) -> str:
    """Return a module's text with its imports renamed to the collection's."""
    package = COPIES.replace("/", ".")
    above = package.rpartition(".")[0]
    renamed = re.sub(r"^( *)from ec2facts(?=[. ])", rf"\1from {package}", text, flags=re.MULTILINE)
    return re.sub(r"^( *)import ec2facts$", rf"\1from {above} import ec2facts", renamed, flags=re.MULTILINE)


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
