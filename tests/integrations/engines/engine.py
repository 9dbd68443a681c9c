"""An engine with ec2facts beside it."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[3]


class Engine:
    """The engine installed in ``environment``, with ``wheels`` beside it; both are left as they are."""

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
        subprocess.run([*pip, "--no-index", "--no-build-isolation", *wheels], check=True)

    @property
    def packages(self) -> Path:
        """The site-packages where the wheels are."""
        return _packages(self.directory)

    def run(
        self, *arguments: str | Path, cwd: Path | None = None, check: bool = True, environ: Mapping[str, str] = {}
    ) -> subprocess.CompletedProcess[str]:
        """Run a Python program of the engine: a module and its arguments, behind ``-m``, or a script."""
        return subprocess.run(
            [self.python, *arguments],
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


def bare_python(directory: Path, interpreter: str = sys.executable) -> Path:
    """Return a Python that has the standard library and nothing else, as targets have it."""
    subprocess.run([interpreter, "-m", "venv", "--without-pip", directory], check=True)
    return directory / "bin/python"
