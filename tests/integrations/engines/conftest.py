"""Fixtures that run the real engines, each with the wheel of this checkout beside it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integrations.engines.engine import ROOT, Engine

ENGINES = Path(os.environ.get("EC2FACTS_ENGINES") or ROOT / ".engines")


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the wheel of this checkout."""
    directory = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(directory)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (file,) = directory.iterdir()
    return file


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Engine]:
    """Return a function that installs a wheel beside an engine; without the engine, skip with the line that helps."""

    def find(name: str, *wheels: Path) -> Engine:
        if not (ENGINES / name / "bin/python").exists():
            missing = f"{name} is missing: tests/integrations/engines/install {name}"
            if os.environ.get("CI") == "true":
                pytest.fail(missing)
            pytest.skip(missing)
        return Engine(ENGINES / name, tmp_path_factory.mktemp(name), *wheels)

    return find
