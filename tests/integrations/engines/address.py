"""Commands in a network namespace in which the simulator has the service's own address."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from tests.cli.running import PROGRAM
from tests.conftest import NOBODY


def run_on(instance: str, *command: str | Path, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run a command on a simulated instance."""
    # The shipped external facts run ec2facts by its name.
    environ = {**os.environ, "PATH": f"{Path(PROGRAM).parent}:{os.environ['PATH']}"}
    served = [PROGRAM, "serve", instance, "--", *command]
    return subprocess.run(served, env=environ, capture_output=True, text=True, timeout=300, check=check)


def run_off(*command: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a command where ec2facts finds no service."""
    return run_on("plain", "env", f"AWS_EC2_METADATA_SERVICE_ENDPOINT={NOBODY}", *command)
