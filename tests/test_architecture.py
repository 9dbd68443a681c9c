"""The architecture of the package: the order of its rooms, and the libraries that each import loads."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.render.env_readers import READERS

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "ec2facts"
MODULES = sorted(path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py"))
TESTS = sorted(Path(__file__).parent.rglob("*.py"))

ROOMS = (
    "version",
    "text",
    "lazy",
    "log",
    "errors",
    "trust",
    "atomic_replace",
    "imds",
    "imds.simulator",
    "imds.doctor",
    "install",
    "metadata",
    "collection",
    "render",
    "render.filters",
    "render.template",
    "apply",
    "units",
    "instances",
    "integrations",
    "",  # ec2facts itself: the names that a user imports
    "pytest_plugin",
    "cli",
    "__main__",
)
"""A room imports only from itself and from rooms before it, at the top of a module or in a function."""

LAZY = {"ec2facts.imds", "ec2facts.render", "ec2facts"}
"""Rooms whose public names are imported, from rooms inside them, when they are first used."""

OWNERS = {
    "requests": "imds/session",
    "urllib3": "imds/session",
    "jinja2": "render/(template/(environment|rewriting)|undefined|printable|filters/conversions)",
    "yaml": "apply/config",
}
"""The modules that may import a heavy library; only commands that need one import them."""

TOP_LEVEL = {"ec2facts", "templates", "tests", "pyproject.toml", "README.md", "LICENSE"}

ESSENTIAL = {"cat", "sh"}
"""Programs that every Debian has."""

in_a_checkout = pytest.mark.skipif(not (ROOT / ".git").exists(), reason="not a git checkout")


def room(module: str) -> str:
    """Return the room of a module by its whole name."""
    _, _, below = module.partition(".")
    return max((room for room in ROOMS if f"{below}.".startswith(f"{room}." if room else "")), key=len)


def name(path: Path) -> str:
    """Return the whole name of the module in a file of the package."""
    return ".".join(["ec2facts", *path.with_suffix("").parts]).replace(".__init__", "")


PATHS = {name(path): path for path in MODULES}


def parsed(path: Path) -> ast.Module:
    return ast.parse((PACKAGE / path).read_text(encoding="utf-8"))


def imports(tree: ast.AST) -> Iterator[str]:
    """Yield the whole name of every module that is imported anywhere in ``tree``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "an import is absolute"
            module = str(node.module)
            for alias in node.names:
                below = f"{module}.{alias.name}"
                yield below if below in PATHS else module


def imports_at_import(tree: ast.AST) -> Iterator[str]:
    """Yield the modules that are imported together with the module in ``tree``."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            yield from imports(ast.Module([node], []))
        elif isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        elif not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            yield from imports_at_import(node)


def has_test_module(path: Path) -> bool:
    if path.parts[0] == "integrations" and len(path.parts) > 2:  # the engine defines the files in its folder
        return (ROOT / "tests/integrations/engines" / f"test_{path.parts[1]}.py").exists()
    return (ROOT / "tests" / path.parent / f"test_{path.name}").exists()


def defines_functions(path: Path) -> bool:
    """Whether a module defines a function or a method, which need tests."""
    return any(isinstance(node, (ast.FunctionDef, ast.Lambda)) for node in ast.walk(parsed(path)))


def loaded_by(code: str) -> set[str]:
    """Return the heavy libraries that are loaded after ``code`` has run in a new Python."""
    script = f"import sys\n{code}\nprint(*sorted(sys.modules), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return {"requests", "jinja2", "yaml"} & set(done.stderr.split())


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_room_imports_only_from_rooms_before_it(path: Path) -> None:
    own = ROOMS.index(room(name(path)))

    imported = {module for module in imports(parsed(path)) if module.partition(".")[0] == "ec2facts"}

    later = [module for module in imported if ROOMS.index(room(module)) > own and not is_lazy_name(path, module)]
    assert later == []


def is_lazy_name(path: Path, module: str) -> bool:
    """Whether ``module``, in a room inside the one of ``path``, is imported only when its public name is used."""
    return path.name == "__init__.py" and name(path) in LAZY and module.startswith(name(path) + ".")


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_heavy_library_is_imported_only_by_its_owners(path: Path) -> None:
    imported = {module.partition(".")[0] for module in imports_at_import(parsed(path))}

    heavy = [library for library in OWNERS if library in imported]

    assert [library for library in heavy if not re.fullmatch(OWNERS[library], path.with_suffix("").as_posix())] == []


@pytest.mark.parametrize(
    ("code", "libraries"),
    [
        ("import ec2facts", set()),
        ("import ec2facts.pytest_plugin", set()),
        ("from ec2facts.cli import main; main([])", set()),
        ("from ec2facts.cli import main; main(['schema'])", set()),
        ("from ec2facts.cli import main; main(['get', 'region', '--from', FILE])", set()),
        ("from ec2facts.cli import main; main(['dump', '--from', FILE])", set()),
        ("from ec2facts.cli import main; main(['env', '--from', FILE])", set()),
        ("from ec2facts.cli import main; main(['snapshot', '--from', FILE])", set()),
        ("from ec2facts.cli import main; main(['dump', '--from', FILE, '-f', 'yaml'])", {"yaml"}),
        ("from ec2facts.cli import main; main(['dump', '--simulate', '-f', 'json'])", set()),
        ("from ec2facts.cli import main; main(['render', 'motd', '--from', FILE])", {"jinja2"}),
    ],
)
def test_command_loads_only_the_heavy_libraries_it_needs(code: str, libraries: set[str]) -> None:
    file = PACKAGE / "instances/plain.json"

    loaded = loaded_by(code.replace("FILE", repr(str(file))))

    assert loaded - libraries == set()


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_module_is_named_by_its_noun(path: Path) -> None:
    assert set(path.with_suffix("").parts) & {"utils", "util", "helpers", "common", "base", "core", "misc"} == set()


@pytest.mark.parametrize("path", [path for path in MODULES if not path.stem.startswith("__")], ids=str)
def test_module_has_its_tests(path: Path) -> None:
    served = {path}
    waiting = [path]
    while waiting:
        users = [other for other in MODULES if other.parts[0] == path.parts[0] and other not in served]
        waiting = [other for other in users if served & {PATHS.get(module) for module in imports(parsed(other))}]
        served.update(waiting)

    # A module that another one of its room imports may be tested there: a filter, an encoding of env files.
    assert any(map(has_test_module, served)) or not defines_functions(path)


@in_a_checkout
def test_top_level_holds_only_the_listed_names() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout

    names = {line.partition("/")[0] for line in listed.splitlines()}

    assert {name for name in names if not name.startswith(".")} == TOP_LEVEL


@in_a_checkout
def test_ci_installs_every_program_that_tests_use() -> None:
    installed = re.findall(r"^packages=\(([^)]*)\)", (ROOT / ".ci/run").read_text(), re.MULTILINE)[0].split()

    assert set(packages_of_tests()) - {*installed, *ESSENTIAL} == set()


def packages_of_tests() -> Iterator[str]:
    """Yield the Debian packages of the programs that tests use."""
    for path in TESTS:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "program":
                yield from package_of(node)
    for readers in READERS.values():
        for reader in readers.values():
            yield from asked_for(reader)


def package_of(call: ast.Call) -> Iterator[str]:
    (asked,) = call.args
    named = [keyword.value for keyword in call.keywords if keyword.arg == "package"]
    for node in named or [asked]:
        if isinstance(node, ast.Constant):
            yield str(node.value)


def asked_for(reader: Callable[..., object]) -> Iterator[str]:
    asked: list[str] = []

    def program(name: str, *, package: str | None = None) -> str:
        asked.append(package or name)
        raise FileNotFoundError

    try:
        reader(program, Path("/nonexistent"))
    except OSError:
        yield from asked


def test_modules_have_no_circular_imports() -> None:
    graph = {name(path): {module for module in imports(parsed(path)) if module in PATHS} for path in MODULES}
    for lazy in LAZY:  # its names are imported when they are first used
        graph[lazy] = set()

    while True:
        leaves = {module for module, imported in graph.items() if not imported & graph.keys() - {module}}
        if not leaves:
            break
        graph = {module: imported for module, imported in graph.items() if module not in leaves}

    assert sorted(graph) == []
