"""A command in its own network namespace reaches only the simulator, at the service's addresses."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.cli.running import execute
from tests.imds.namespaces import ADDRESSES, execute_python, require_namespaces

RUN = """
import os, sys
from ec2facts import instances
from ec2facts.imds.simulator.namespace import run_in_namespace
source = instances.load("busy")
BEFORE
sys.exit(run_in_namespace(source, sys.argv[1:], environ=os.environ))
"""

AS_NOBODY = """
import ctypes
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)  # PR_SET_DUMPABLE: a new process of this user would own its files in /proc
"""

READ = """
for host in 169.254.169.254 '[fd00:ec2::254]'; do
    token=$("$CURL" -gsS --fail -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' "http://$host/latest/api/token")
    "$CURL" -gsS --fail -H "X-aws-ec2-metadata-token: $token" "http://$host/latest/meta-data/instance-type"
    echo
done
"""

# A separate process: the process that runs the tests must stay in its namespace.
users = pytest.mark.parametrize("before", ["", AS_NOBODY], ids=["as the same user", "as nobody"])


@pytest.fixture(autouse=True)
def namespaces() -> None:
    require_namespaces()


def program_for(before: str) -> str:
    if before and os.geteuid() != 0:
        pytest.skip("only root can become another user")
    return RUN.replace("BEFORE", before)


@users
def test_command_reads_the_simulator_at_both_addresses(program: Callable[..., str], before: str) -> None:
    environment = {**os.environ, "CURL": program("curl")}

    outcome = execute_python(program_for(before), "sh", "-euc", READ, env=environment, cwd="/")

    assert (outcome.status, outcome.errors) == (0, "")
    assert outcome.output == b"p4d.24xlarge\n" * 2


@users
def test_command_runs_as_the_same_user(before: str) -> None:
    outcome = execute_python(program_for(before), "id", "-u", cwd="/")

    assert outcome.output.decode().strip() == ("65534" if before else str(os.geteuid()))


@users
def test_namespace_has_only_the_loopback_interface(program: Callable[..., str], before: str) -> None:
    outcome = execute_python(program_for(before), program("ip", package="iproute2"), "-brief", "address", cwd="/")

    up = [line for line in outcome.output.decode().splitlines() if "DOWN" not in line]
    assert len(up) == 1
    assert set(up[0].split()) >= {"lo", "127.0.0.1/8", "::1/128", *(f"{a}/{32 + 96 * (':' in a)}" for a in ADDRESSES)}


def test_command_reaches_no_other_address() -> None:
    connect = (
        "import socket\ntry: socket.create_connection(('192.0.2.1', 80), 5)\nexcept OSError as error: print(error)"
    )

    outcome = execute_python(RUN.replace("BEFORE", ""), sys.executable, "-c", connect)

    assert outcome.output == b"[Errno 101] Network is unreachable\n"


def test_environment_of_the_command_has_no_endpoint_variables() -> None:
    environment = {
        **os.environ,
        "AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://127.0.0.1:1",
        "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE": "IPv6",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_PROFILE": "kept",
    }

    outcome = execute_python(RUN.replace("BEFORE", ""), "env", env=environment)

    names = {line.partition("=")[0] for line in outcome.output.decode().splitlines()}
    assert {name for name in names if name.startswith("AWS_")} == {"AWS_PROFILE"}


@pytest.mark.parametrize(
    ("command", "status"), [("exit 0", 0), ("exit 7", 7), ("kill -TERM $$", 143), ("kill -KILL $$", 137)]
)
def test_exit_status_is_that_of_the_command(command: str, status: int) -> None:
    assert execute_python(RUN.replace("BEFORE", ""), "sh", "-c", command).status == status


def test_command_inherits_the_standard_streams() -> None:
    outcome = execute_python(RUN.replace("BEFORE", ""), "sh", "-c", "cat; echo oops >&2", stdin=None, input=b"typed")

    assert outcome == (0, b"typed", "oops\n")


def test_faults_affect_both_addresses(program: Callable[..., str]) -> None:
    faulty = RUN.replace("BEFORE", "").replace("environ=", "faults=['status=418@api/token'], environ=")
    ask = f"for host in 169.254.169.254 '[fd00:ec2::254]'; do {program('curl')} -gs -o /dev/null -w '%{{http_code}} '"
    ask += " -X PUT http://$host/latest/api/token; done"

    assert execute_python(faulty, "sh", "-c", ask).output == b"418 418 "


@contextmanager
def waiting_command(trap: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a shell that sets ``trap`` and waits for a signal; yield once it waits."""
    shell = f"{trap}\necho ready\nwhile :; do sleep 0.05; done"
    command = [sys.executable, "-c", RUN.replace("BEFORE", ""), "sh", "-c", shell]
    with subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGUSR1])
def test_signal_is_forwarded_once(number: signal.Signals) -> None:
    with waiting_command(f"trap 'echo caught; exit 5' {number.name[3:]}") as process:
        process.send_signal(number)
        output, _ = process.communicate(timeout=20)

    assert (process.returncode, output) == (5, b"caught\n")


def test_command_ended_by_a_signal_has_the_exit_status_of_shells() -> None:
    with waiting_command(":") as process:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=20)

    assert process.returncode == 128 + signal.SIGTERM


def test_simulator_listens_at_the_service_addresses_inside_a_namespace() -> None:
    outcome = execute_python(
        """
from ec2facts.imds.simulator.namespace import enter_namespace
from ec2facts.imds.simulator import Simulator
for address in enter_namespace():
    with Simulator({"meta-data/instance-id": b"i"}, host=address, port=80) as url:
        print(url)
"""
    )

    assert (outcome.status, outcome.errors) == (0, "")
    assert outcome.output == b"http://169.254.169.254:80\nhttp://[fd00:ec2::254]:80\n"


def test_simulator_refuses_the_service_addresses_if_another_interface_is_up(program: Callable[..., str]) -> None:
    outcome = execute_python(
        """
import subprocess, sys
from ec2facts.imds.simulator.namespace import enter_namespace
from ec2facts.imds.simulator import Simulator
enter_namespace()
subprocess.run([sys.argv[1], "link", "add", "ec2facts0", "type", "veth", "peer", "name", "ec2facts1"], check=True)
Simulator({}, host="169.254.169.254")
subprocess.run([sys.argv[1], "link", "set", "ec2facts0", "up"], check=True)
try:
    Simulator({}, host="169.254.169.254")
except Exception as error:
    print(type(error).__name__)
""",
        program("ip", package="iproute2"),
    )

    assert outcome.output == b"UsageError\n"


def test_missing_support_for_namespaces_is_an_error_with_a_remedy(program: Callable[..., str]) -> None:
    forbid = """
from pathlib import Path
from ec2facts.errors import EC2FactsError
from ec2facts.imds.simulator.namespace import enter_namespace
Path("/proc/sys/user/max_net_namespaces").write_text("0")  # of the user namespace that unshare has made
try:
    enter_namespace()
except EC2FactsError as error:
    print(error)
"""
    unshare = program("unshare", package="util-linux")

    outcome = execute(unshare, "--user", "--map-root-user", sys.executable, "-c", forbid)

    assert outcome.errors == ""
    assert outcome.output.startswith(
        b"this system does not allow network namespaces (No space left on device); run as root"
    )
