"""An engine and ec2facts in one environment."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[3]
ENGINES = Path(os.environ.get("EC2FACTS_ENGINES") or ROOT / ".engines")
"""Where ``install`` puts the engines."""


class Engine:
    """The engine installed in ``environment``, with ``wheels`` beside it; neither directory is changed."""

    def __init__(self, environment: Path, directory: Path, *wheels: Path) -> None:
        self.environment = environment
        self.directory = directory / "venv"
        self.home = directory / "home"
        self.home.mkdir()
        venv.create(self.directory, symlinks=True)
        self.python = self.directory / "bin/python"
        (self.packages / "engine.pth").write_text(f"{_packages(environment)}\n")
        pip: list[str | Path] = [
            environment / "bin/python",
            "-m",
            "pip",
            "--python",
            self.python,
            "install",
            "--quiet",
            "--no-deps",
        ]
        if wheels:
            subprocess.run([*pip, "--no-index", *wheels], check=True)

    @property
    def packages(self) -> Path:
        """The site-packages where the wheels are."""
        return _packages(self.directory)

    def run(
        self,
        *arguments: str | Path,
        prefix: Sequence[str | Path] = (),
        cwd: Path | None = None,
        check: bool = True,
        environ: Mapping[str, str] = {},
    ) -> subprocess.CompletedProcess[str]:
        """Run a script of the engine, or a module behind ``-m``; ``prefix`` is a command that starts Python."""
        return subprocess.run(
            [*prefix, self.python, *arguments],
            cwd=cwd or self.home,
            env={**os.environ, "HOME": str(self.home), "NO_COLOR": "1", **environ},
            capture_output=True,
            text=True,
            timeout=300,
            check=check,
        )


def _packages(environment: Path) -> Path:
    (packages,) = environment.glob("lib/python3*/site-packages")
    return packages


def build_wheel(directory: Path, *, target: str = "wheel") -> Path:
    """Build a wheel of this checkout in an empty directory, with the target ``wheel:editable`` an editable one."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", str(directory)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (file,) = directory.iterdir()
    return file


def bare_python(directory: Path, interpreter: str) -> Path:
    """Return a Python interpreter that has only the standard library."""
    subprocess.run([interpreter, "-m", "venv", "--without-pip", directory], check=True)
    return directory / "bin/python"


def other_python(version: str) -> str | None:
    """Return the path of a working Python of this version; None if there is none."""
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    candidates: list[str | Path | None] = [
        shutil.which(f"python{version}"),
        *pyenv.glob(f"versions/{version}.*/bin/python"),
    ]
    script = "import sys, venv; print('%d.%d' % sys.version_info[:2])"
    for python in candidates:
        if python is None:
            continue
        done = subprocess.run([python, "-c", script], capture_output=True, text=True, check=False)
        if done.stdout.strip() == version:
            return str(python)
    return None
