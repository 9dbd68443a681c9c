from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable

import pytest

from ec2facts import instances
from ec2facts.imds.simulator.simulator import Simulator
from tests.cli.running import PROGRAM, Capture, Outcome, call, execute

ELSEWHERE = "192.0.2.1"
"""An unassigned address; tests change its routes only in their own network namespace."""


def in_namespace(program: Callable[..., str], *setup: str) -> Outcome:
    """Run the doctor for ELSEWHERE in a network namespace that the ip commands in ``setup`` configure."""
    unshare = program("unshare", package="util-linux")
    ip = program("ip", package="iproute2")
    if subprocess.run([unshare, "-n", "true"], check=False, stderr=subprocess.DEVNULL).returncode:
        pytest.skip("only root can create a network namespace")
    lines = [f"{ip} {line}" for line in ("link set lo up", *setup)]
    doctor = f"exec {PROGRAM} doctor --timeout 0.5 --endpoint http://{ELSEWHERE}"
    return execute(unshare, "-n", "sh", "-ec", "\n".join([*lines, doctor]))


def test_reachable_service_is_status_0(capfdbinary: Capture) -> None:
    with Simulator(instances.load("plain")) as url:
        outcome = call(capfdbinary, "doctor", "--endpoint", url)

    lines = outcome.output.decode().splitlines()
    assert (outcome.status, outcome.errors) == (0, "")
    assert f"ok    connection: connected to {url[7:]}" in lines
    assert "ok    token: issued" in lines
    assert "ok    metadata: the instance is i-1234567890abcdef0" in lines
    assert "ok    tags: 3 in the metadata" in lines


def test_unreachable_service_is_status_3_with_advice_below_the_failure(capfdbinary: Capture) -> None:
    with Simulator(instances.load("plain"), faults=["status=403@api/token"]) as url:
        outcome = call(capfdbinary, "doctor", "--endpoint", url)

    lines = outcome.output.decode().splitlines()
    assert (outcome.status, outcome.errors) == (3, "")
    assert lines[lines.index("fail  token: HTTP 403") + 1].startswith("      the service is switched off: aws ec2 ")


def test_endpoint_of_the_environment_is_checked(capfdbinary: Capture) -> None:
    outcome = call(capfdbinary, "doctor")

    assert outcome.status == 3
    assert "settings: the endpoint is http://127.0.0.1:1\n" in outcome.output.decode()


def test_findings_are_written_as_json(capfdbinary: Capture) -> None:
    with Simulator(instances.load("plain")) as url:
        outcome = call(capfdbinary, "doctor", "--endpoint", url, "-f", "json")

    findings = json.loads(outcome.output)
    assert list(findings) == ["machine", "settings", "proxies", "connection", "token", "metadata", "tags"]
    assert findings["token"] == {"check": "token", "status": "ok", "seen": "issued", "advice": ""}


def test_doctor_does_not_import_requests() -> None:
    program = "import sys\nfrom ec2facts.cli import main\nmain(['doctor'])\nassert 'requests' not in sys.modules"

    outcome = execute(PROGRAM.replace("ec2facts", "python"), "-c", program, env={**os.environ})

    assert (outcome.status, outcome.errors) == (0, "")


@pytest.mark.parametrize(
    ("kind", "seen", "advice"),
    [
        ("prohibit", "permission denied", "prohibits the connection"),
        ("blackhole", "invalid argument", "prohibits the connection"),
        ("unreachable", "no route to host", "no route"),
    ],
)
def test_route_that_rejects_packets_is_named(program: Callable[..., str], kind: str, seen: str, advice: str) -> None:
    outcome = in_namespace(program, f"route add {kind} {ELSEWHERE}")

    assert outcome.status == 3
    assert f"fail  connection: {seen}\n" in outcome.output.decode()
    assert advice in outcome.output.decode()


def test_ipv6_only_network_is_named(program: Callable[..., str]) -> None:
    outcome = in_namespace(
        program,
        "link add ec2facts0 type veth peer name ec2facts1",
        "link set ec2facts0 up",
        "address add 2001:db8::1/64 dev ec2facts0 nodad",
    )

    assert outcome.status == 3
    assert "fail  connection: network is unreachable\n" in outcome.output.decode()
    assert "export AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE=IPv6" in outcome.output.decode()


def test_timeout_after_dropped_packets_names_the_firewall(program: Callable[..., str]) -> None:
    outcome = in_namespace(
        program,
        "link add ec2facts0 type veth peer name ec2facts1",
        "link set ec2facts0 up",
        "link set ec2facts1 up",
        "address add 192.0.2.2/24 dev ec2facts0",
    )

    assert outcome.status == 3
    assert "fail  connection: no connection within 0.25 s\n" in outcome.output.decode()
    assert f"drops packets to {ELSEWHERE}" in outcome.output.decode()
