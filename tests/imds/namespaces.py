"""Python programs in their own network namespace, which may use the service's addresses."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest

from tests.cli.running import Outcome, execute

ADDRESSES = ("169.254.169.254", "fd00:ec2::254")


def require_namespaces() -> None:
    """Skip the test if the kernel does not allow network namespaces; fail in CI."""
    program = "from ec2facts.imds.simulator.namespace import enter_namespace\nenter_namespace()"
    tried = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=30)
    if tried.returncode == 0:
        return
    reason = tried.stderr.rstrip().rpartition("\n")[2]
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def execute_python(program: str, *arguments: object, **options: Any) -> Outcome:
    """Run a Python program in a separate process."""
    return execute(sys.executable, "-W", "error", "-c", program, *arguments, **options)
