"""Fixtures that run the real engines, each with the wheel of this checkout beside it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integrations.engines.engine import ENGINES, Engine, bare_python, build_wheel


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the wheel of this checkout."""
    return build_wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Engine]:
    """Return a function that installs a wheel beside an engine; skip, naming the installer, if there is no engine."""

    def find(name: str, *wheels: Path) -> Engine:
        if not (ENGINES / name / "bin/python").exists():
            missing = f"{name} is missing: tests/integrations/engines/install {name}"
            if os.environ.get("CI") == "true":
                pytest.fail(missing)
            pytest.skip(missing)
        return Engine(ENGINES / name, tmp_path_factory.mktemp(name), *wheels)

    return find


@pytest.fixture(scope="session")
def ansible(engine: Callable[..., Engine], wheel: Path) -> Engine:
    return engine("ansible", wheel)


@pytest.fixture(scope="session")
def target_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a Python interpreter that has only the standard library, like that of a target."""
    return bare_python(tmp_path_factory.mktemp("target"), sys.executable)
