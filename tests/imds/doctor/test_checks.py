from __future__ import annotations

import errno
import os
import re
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

import pytest

from ec2facts import instances
from ec2facts.cli import main
from ec2facts.errors import UnavailableError
from ec2facts.imds.client import IMDSClient
from ec2facts.imds.doctor.advice import advise
from ec2facts.imds.doctor.checks import (
    Finding,
    check_connection,
    check_machine,
    check_metadata,
    check_proxies,
    check_settings,
    check_tags,
    check_token,
    diagnose,
)
from ec2facts.imds.reply import FailedRequestError, Reply
from ec2facts.imds.simulator.simulator import Simulator
from ec2facts.imds.transport import failed_request
from tests.conftest import NOBODY
from tests.imds import scripted

CHECKS = ["machine", "settings", "proxies", "connection", "token", "metadata", "tags"]
IPV4 = "http://169.254.169.254"
IPV6 = "http://[fd00:ec2::254]"
DMI = "sys/class/dmi/id"
NITRO = {f"{DMI}/sys_vendor": "Amazon EC2\n", f"{DMI}/board_asset_tag": "i-1234567890abcdef0\n"}
ADDRESS = "20010db8000000000000000000000001 02 40 00 80     eth0\n"
LINK_ADDRESS = "fe800000000000000000000000000001 02 40 20 80     eth0\n"
ROUTES = "Iface\tDestination\tGateway\n"


def machine(root: Path, files: Mapping[str, str]) -> Path:
    """Lay out the files of a machine below ``root``."""
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def statuses(findings: list[Finding]) -> dict[str, str]:
    return {finding.check: finding.status for finding in findings}


def finding_of(check: str, findings: list[Finding]) -> Finding:
    return next(finding for finding in findings if finding.check == check)


def failing(error: OSError) -> Any:
    def connect(host: str, port: int, timeout: float) -> NoReturn:
        raise error

    return connect


def os_error(number: int) -> OSError:
    return OSError(number, os.strerror(number))


@pytest.mark.parametrize(
    ("files", "seen"),
    [
        (NITRO, "the vendor is Amazon EC2"),
        ({f"{DMI}/board_asset_tag": "i-0abcdef1234567890"}, "the asset tag is i-0abcdef1234567890"),
        (
            {f"{DMI}/product_uuid": "EC2E1916-9099-7CAF-FD21-012345678901"},
            "the UUID is EC2E1916-9099-7CAF-FD21-012345678901",
        ),
        (
            {f"{DMI}/product_uuid": "45E12AEC-DCD1-B213-94ED-012345678901"},
            "the UUID is 45E12AEC-DCD1-B213-94ED-012345678901",
        ),
        (
            {f"{DMI}/sys_vendor": "Xen", "sys/hypervisor/uuid": "ec2e1916-9099-7caf-fd21-012345678901"},
            "the UUID is ec2e1916-9099-7caf-fd21-012345678901",
        ),
        ({f"{DMI}/sys_vendor": "Xen", f"{DMI}/bios_version": "4.11.amazon"}, "the BIOS is 4.11.amazon"),
    ],
    ids=["vendor", "asset tag", "uuid", "swapped uuid", "hypervisor", "bios"],
)
def test_ec2_instance_is_recognised_by_its_files(tmp_path: Path, files: Mapping[str, str], seen: str) -> None:
    assert check_machine(machine(tmp_path, files)) == Finding("machine", "ok", f"an EC2 instance: {seen}")


@pytest.mark.parametrize(
    "files",
    [
        {f"{DMI}/sys_vendor": "QEMU", f"{DMI}/product_uuid": "12345678-ABCD-4321-EC20-012345678901"},
        {f"{DMI}/sys_vendor": "QEMU", f"{DMI}/board_asset_tag": "Not Specified"},
    ],
)
def test_other_machine_is_not_an_ec2_instance(tmp_path: Path, files: Mapping[str, str]) -> None:
    finding = check_machine(machine(tmp_path, files))

    assert (finding.status, finding.seen) == ("warn", "not an EC2 instance: the vendor is QEMU")
    assert "--simulate" in finding.advice


def test_machine_without_firmware_data_is_skipped(tmp_path: Path) -> None:
    assert check_machine(tmp_path).status == "skip"


@pytest.mark.parametrize(
    ("files", "seen"),
    [
        ({".dockerenv": ""}, "/.dockerenv is there"),
        ({"run/.containerenv": ""}, "/run/.containerenv is there"),
        ({"proc/1/cgroup": "0::/kubepods.slice/pod1\n"}, "/proc/1/cgroup names kubepods"),
    ],
    ids=["docker", "podman", "cgroup"],
)
def test_container_is_recognised_by_its_files(tmp_path: Path, files: Mapping[str, str], seen: str) -> None:
    root = machine(tmp_path, {**NITRO, **files})

    assert check_machine(root).seen == f"an EC2 instance: the vendor is Amazon EC2, in a container: {seen}"


@pytest.mark.parametrize(
    ("environ", "status", "seen", "advice"),
    [
        ({}, "ok", f"the endpoint is {IPV4}", ""),
        ({"AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE": "IPv6"}, "ok", f"the endpoint is {IPV6}", ""),
        ({"AWS_EC2_METADATA_DISABLED": "True"}, "fail", "AWS_EC2_METADATA_DISABLED is true", "unset AWS_EC2"),
        (
            {"AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE": "IPv5"},
            "fail",
            "ENDPOINT_MODE is 'ipv5'",
            "correct or remove this setting",
        ),
        (
            {"AWS_EC2_METADATA_SERVICE_ENDPOINT": "metadata"},
            "fail",
            "ENDPOINT is 'metadata'",
            "correct or remove this setting",
        ),
    ],
)
def test_settings_select_the_endpoint(environ: Mapping[str, str], status: str, seen: str, advice: str) -> None:
    finding = check_settings(None, environ)

    assert finding.status == status
    assert seen in finding.seen
    assert advice in finding.advice


@pytest.mark.parametrize(
    ("environ", "status"),
    [
        ({}, "ok"),
        ({"http_proxy": "http://proxy.example.com:3128"}, "warn"),
        ({"HTTP_PROXY": "http://proxy.example.com:3128"}, "warn"),
        ({"ALL_PROXY": "socks5://proxy.example.com"}, "warn"),
        ({"https_proxy": "http://proxy.example.com:3128"}, "ok"),
        ({"http_proxy": "http://proxy.example.com", "no_proxy": "localhost, 169.254.169.254"}, "ok"),
        ({"http_proxy": "http://proxy.example.com", "NO_PROXY": "*"}, "ok"),
    ],
)
def test_proxy_variable_for_the_endpoint_is_a_warning(environ: Mapping[str, str], status: str) -> None:
    finding = check_proxies(IPV4, environ)

    assert finding.status == status
    assert ("no_proxy=169.254.169.254" in finding.advice) == (status == "warn")


@pytest.mark.parametrize(
    ("url", "number", "files", "advice"),
    [
        (IPV4, errno.ECONNREFUSED, NITRO, "iptables"),
        (IPV4, errno.ECONNREFUSED, {f"{DMI}/sys_vendor": "QEMU"}, "not an EC2 instance"),
        (IPV4, errno.EHOSTUNREACH, {f"{DMI}/sys_vendor": "QEMU"}, "not an EC2 instance"),
        (NOBODY, errno.ECONNREFUSED, {f"{DMI}/sys_vendor": "QEMU"}, "`ec2facts serve`"),
        (IPV4, errno.EACCES, NITRO, "prohibits the connection: see `ip route get 169.254.169.254`"),
        (IPV4, errno.EPERM, NITRO, "prohibits the connection"),
        (IPV4, errno.EINVAL, NITRO, "prohibits the connection"),
        (IPV4, errno.EHOSTUNREACH, NITRO, "no route to 169.254.169.254"),
        (IPV4, errno.ENETUNREACH, {**NITRO, "proc/net/route": ROUTES}, "no route to 169.254.169.254"),
        (IPV4, errno.ENETUNREACH, {"proc/net/if_inet6": LINK_ADDRESS}, "no route to"),
        (IPV4, errno.ENETUNREACH, {"proc/net/if_inet6": ADDRESS, "proc/net/route": ROUTES + "eth0"}, "no route to"),
        (
            IPV4,
            errno.ENETUNREACH,
            {**NITRO, "proc/net/if_inet6": LINK_ADDRESS + ADDRESS, "proc/net/route": ROUTES},
            "then export AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE=IPv6",
        ),
        (IPV6, errno.ENETUNREACH, NITRO, "unset AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE to use IPv4"),
        (IPV6, errno.EADDRNOTAVAIL, NITRO, "--instance-id i-1234567890abcdef0 --http-protocol-ipv6 enabled"),
    ],
)
def test_failed_connection_has_advice(
    tmp_path: Path, url: str, number: int, files: Mapping[str, str], advice: str
) -> None:
    finding = check_connection(url, failed_request(os_error(number), 1), machine(tmp_path, files))

    assert (finding.status, finding.seen) == ("fail", os.strerror(number).lower())
    assert advice in finding.advice


def test_connection_timeout_suggests_a_firewall(tmp_path: Path) -> None:
    error = FailedRequestError("connect timeout", "no connection within 0.5 s")

    finding = check_connection(IPV4, error, machine(tmp_path, NITRO))

    assert (finding.status, finding.seen) == ("fail", "no connection within 0.5 s")
    assert "drops packets to 169.254.169.254" in finding.advice


def test_unresolved_name_has_advice(tmp_path: Path) -> None:
    error = failed_request(socket.gaierror(socket.EAI_NONAME, "Name or service not known"), 1)

    finding = check_connection("http://metadata.example.com", error, tmp_path)

    assert "metadata.example.com does not resolve" in finding.advice


@pytest.mark.parametrize(
    ("files", "advice"),
    [
        (NITRO, "in a container or a nested VM, raise the hop limit"),
        (NITRO, "--instance-id i-1234567890abcdef0 --http-put-response-hop-limit 2"),
        ({}, "--instance-id INSTANCE_ID --http-put-response-hop-limit 2"),
        ({**NITRO, ".dockerenv": ""}, "replies do not reach this container (/.dockerenv is there)"),
    ],
)
def test_late_reply_suggests_the_hop_limit(tmp_path: Path, files: Mapping[str, str], advice: str) -> None:
    finding = check_token(IPV4, FailedRequestError("reply timeout", "no answer within 1 s"), machine(tmp_path, files))

    assert (finding.status, finding.seen) == ("fail", "connected, then: no answer within 1 s")
    assert advice in finding.advice


@pytest.mark.parametrize(
    ("reply", "status", "advice"),
    [
        (Reply(200, {"server": "EC2ws"}, b"AQAEA=="), "ok", ""),
        (Reply(200, {"server": "nginx"}, b"AQAEA=="), "warn", "a simulator, or a proxy"),
        (Reply(200, {}, b"AQAEA=="), "warn", "a simulator, or a proxy"),
        (Reply(403, {"server": "EC2ws"}, b""), "fail", "--http-endpoint enabled"),
        (Reply(403, {}, b""), "fail", "X-Forwarded-For"),
        (Reply(403, {"server": "squid/6.6"}, b"<html>"), "fail", "a proxy answers instead of the service (squid/6.6)"),
        (Reply(403, {"server": "EC2ws", "via": "1.1 proxy"}, b""), "fail", "(1.1 proxy): export no_proxy=169.254.169"),
        (Reply(502, {"x-cache": "MISS from proxy"}, b""), "fail", "(MISS from proxy)"),
        (Reply(503, {"server": "EC2ws"}, b""), "fail", "busy"),
        (Reply(429, {"server": "EC2ws"}, b""), "fail", "busy"),
        (Reply(502, {"server": "nginx"}, b""), "fail", "a proxy answers instead of the service (nginx)"),
        (Reply(503, {"server": "envoy"}, b""), "fail", "a proxy answers instead of the service (envoy)"),
        (Reply(502, {}, b""), "fail", "a proxy gets no reply from the service (HTTP 502)"),
        (Reply(504, {}, b""), "fail", "a proxy gets no reply from the service (HTTP 504)"),
        (Reply(503, {}, b""), "fail", "busy"),
        (Reply(400, {"server": "IMDS/150.870.65.1253"}, b""), "fail", "of Microsoft Azure, not of Amazon EC2"),
        (Reply(403, {"metadata-flavor": "Google"}, b""), "fail", "of Google Cloud, not of Amazon EC2"),
        (Reply(403, {"server": "Metadata Server for VM"}, b""), "fail", "of Google Cloud, not of Amazon EC2"),
        (Reply(404, {"server": "GKE Metadata Server"}, b""), "fail", "of Google Cloud, not of Amazon EC2"),
        (Reply(404, {"x-openstack-request-id": "req-1"}, b""), "fail", "of OpenStack, not of Amazon EC2"),
        (Reply(404, {"server": "Eucalyptus/4.4"}, b""), "fail", "of Eucalyptus, not of Amazon EC2"),
        (Reply(404, {"server": "EC2ws"}, b""), "fail", "does not serve IMDSv2"),
        (
            Reply(200, {"server": "EC2ws", "content-type": "text/html"}, b"<html> </html>"),
            "fail",
            "does not serve IMDSv2",
        ),
    ],
)
def test_reply_without_a_token_has_advice(tmp_path: Path, reply: Reply, status: str, advice: str) -> None:
    finding = check_token(IPV4, reply, tmp_path)

    assert finding.status == status
    assert advice in finding.advice
    assert "AQAEA" not in str(finding)


@pytest.mark.parametrize(
    ("reply", "status"),
    [
        (Reply(200, {}, b"Name\nOwner"), "ok"),
        (Reply(200, {}, b""), "warn"),
        (Reply(404, {}, b""), "warn"),
        (Reply(503, {}, b""), "warn"),
        (FailedRequestError("reset", "connection reset by peer"), "warn"),
    ],
)
def test_disabled_tags_are_a_warning(tmp_path: Path, reply: Any, status: str) -> None:
    finding = check_tags(reply, tmp_path)

    assert finding.status == status
    if isinstance(reply, Reply) and reply.status in {200, 404} and status == "warn":
        assert finding.advice.endswith("--instance-metadata-tags enabled")


@pytest.mark.parametrize(
    ("reply", "status", "seen", "advice"),
    [
        (Reply(200, {}, b"i-1234567890abcdef0"), "ok", "the instance is i-1234567890abcdef0", ""),
        (Reply(404, {}, b""), "fail", "not ready: no instance-id yet", "with --wait 60"),
        (Reply(200, {}, b""), "fail", "not ready: instance-id is empty", "with --wait 60"),
        (Reply(401, {}, b""), "fail", "instance-id: HTTP 401", "rejects its own token"),
        (Reply(503, {}, b""), "fail", "instance-id: HTTP 503", "busy"),
        (Reply(429, {}, b""), "fail", "instance-id: HTTP 429", "busy"),
        (Reply(302, {}, b""), "fail", "instance-id: HTTP 302", "does not serve IMDSv2"),
        (Reply(200, {"content-type": "Text/HTML"}, b"<html>"), "fail", "an HTML page", "does not serve IMDSv2"),
        (FailedRequestError("reset", "connection reset by peer"), "fail", "reset by peer", "retry, with --wait 60"),
    ],
)
def test_finding_about_a_value_has_advice(reply: Any, status: str, seen: str, advice: str) -> None:
    finding = check_metadata(reply)

    assert finding.status == status
    assert seen in finding.seen
    assert advice in finding.advice


@pytest.mark.parametrize(
    ("files", "cloud"),
    [
        (
            {"sys_vendor": "Microsoft Corporation", "chassis_asset_tag": "7783-7084-3265-9085-8269-3286-77"},
            "Microsoft Azure",
        ),
        ({"sys_vendor": "Google", "product_name": "Google Compute Engine"}, "Google Cloud"),
        ({"sys_vendor": "DigitalOcean", "product_name": "Droplet"}, "DigitalOcean"),
        ({"sys_vendor": "OpenStack Foundation", "product_name": "OpenStack Nova"}, "OpenStack"),
        ({"sys_vendor": "Eucalyptus", "product_name": "VM"}, "Eucalyptus"),
    ],
)
def test_other_cloud_is_recognised(tmp_path: Path, files: Mapping[str, str], cloud: str) -> None:
    root = machine(tmp_path, {f"{DMI}/{name}": text for name, text in files.items()})

    assert check_machine(root).seen == f"not an EC2 instance: {cloud}"
    assert f"of {cloud}, not of Amazon EC2" in check_token(IPV4, Reply(404, {}, b""), root).advice


def test_amazon_instance_is_not_mistaken_for_another_cloud(tmp_path: Path) -> None:
    root = machine(tmp_path, {**NITRO, f"{DMI}/product_name": "OpenStack Nova"})

    assert "OpenStack" not in check_token(IPV4, Reply(404, {}, b""), root).advice


@pytest.mark.parametrize("cloud", ["azure", "google"])
def test_doctor_and_errors_name_the_simulated_cloud(tmp_path: Path, cloud: str) -> None:
    with Simulator({}, faults=[f"cloud={cloud}"]) as url:
        finding = finding_of("token", diagnose(url, environ={}, root=tmp_path))
        with pytest.raises(UnavailableError) as raised:
            IMDSClient(url, environ={}).get("meta-data/mac")

    assert "not of Amazon EC2" in finding.advice
    assert advise(raised.value, tmp_path) == finding.advice
    assert "switched off" not in str(raised.value)


@pytest.mark.parametrize("path", ["/latest", "/latest/meta-data"])
def test_endpoint_with_latest_in_its_path_has_advice(tmp_path: Path, path: str) -> None:
    with Simulator(instances.load("plain")) as url:
        findings = diagnose(url + path, environ={}, root=machine(tmp_path, NITRO))

    assert finding_of("settings", findings).status == "warn"
    for check in ("settings", "token"):
        assert finding_of(check, findings).advice == f"ec2facts appends /latest itself: set the endpoint to {url}"


def test_https_endpoint_that_speaks_http_has_advice(tmp_path: Path) -> None:
    with Simulator(instances.load("plain")) as url:
        encrypted = url.replace("http:", "https:")
        finding = finding_of("token", diagnose(encrypted, environ={}, root=machine(tmp_path, NITRO)))
        with pytest.raises(UnavailableError) as raised:
            IMDSClient(encrypted, environ={}, attempts=1).get("meta-data/mac")

    assert finding.advice == f"the endpoint does not speak TLS: set it to {url}"
    assert advise(raised.value, tmp_path) == finding.advice


def test_untrusted_certificate_has_advice(tmp_path: Path) -> None:
    error = FailedRequestError("TLS", "self-signed certificate")

    finding = check_token("https://imds.example.com", error, tmp_path)

    assert "does not trust the certificate of imds.example.com" in finding.advice


@pytest.mark.parametrize("host", ["127.0.0.1:1338", "[::1]:1338", "localhost:1338"])
def test_hanging_loopback_endpoint_is_not_mistaken_for_a_container(tmp_path: Path, host: str) -> None:
    root = machine(tmp_path, {**NITRO, ".dockerenv": ""})

    finding = check_token(f"http://{host}", FailedRequestError("reply timeout", "no answer within 1 s"), root)

    assert finding.advice == f"the server at {host} accepts connections but does not reply: restart it"


def test_reset_connection_has_advice_to_retry(tmp_path: Path) -> None:
    error = UnavailableError(IPV4, "connection reset by peer", cause="reset")

    assert advise(error, tmp_path).startswith("retry, with --wait 60 during boot")


def test_connection_has_half_of_the_timeout(tmp_path: Path) -> None:
    limits: list[float] = []

    def connect(host: str, port: int, timeout: float) -> NoReturn:
        limits.append(timeout)
        raise os_error(errno.ECONNREFUSED)

    diagnose(environ={}, root=tmp_path, timeout=3, connect=connect)

    assert limits == [1.5]


HOSTILE = b"a\x1b[2Jb\rc\x9b31m"


def test_control_characters_are_escaped_in_findings(tmp_path: Path) -> None:
    headers = b"Server: " + HOSTILE + b"\r\nVia: " + HOSTILE.replace(b"\r", b"\x07")
    token = b"HTTP/1.1 500 X\r\n" + headers + b"\r\nContent-Length: 0\r\n\r\n"
    root = machine(tmp_path, {f"{DMI}/sys_vendor": "\x1b]0;title\x07 evil\nok  machine: fine"})

    with scripted.ScriptedService({"api/token": scripted.Reply(token)}) as service:
        findings = diagnose(service.url, environ={}, root=root)
        with pytest.raises(UnavailableError) as raised:
            IMDSClient(service.url, environ={}, attempts=1).get("meta-data/mac")

    assert finding_of("token", findings).status == "fail"
    assert [each for finding in findings for each in finding if not each.isprintable()] == []
    assert (str(raised.value) + advise(raised.value, root)).isprintable()


def test_working_service_has_only_ok_findings(tmp_path: Path) -> None:
    with Simulator(instances.load("plain")) as url:
        findings = diagnose(url, environ={}, root=machine(tmp_path, NITRO))

    assert statuses(findings) == dict.fromkeys(CHECKS, "ok")


@pytest.mark.parametrize(
    ("faults", "failing_check", "advice"),
    [
        (["status=403@api/token"], "token", "--http-endpoint enabled"),
        (["hang@api/token"], "token", "accepts connections but does not reply"),
        (["slow-head=0.05@api/token"], "token", "accepts connections but does not reply"),
        (["not-ready=60"], "metadata", "--wait 60"),
        (["empty@meta-data/*"], "metadata", "--wait 60"),
        (["html@api/token"], "token", "does not serve IMDSv2"),
        (["oversize@api/token"], "token", "does not serve IMDSv2"),
        (["drop@api/token"], "token", "retry, with --wait 60"),
        (["reset@api/token"], "token", "retry, with --wait 60"),
        (["truncate@api/token"], "token", "retry, with --wait 60"),
        (["garble@api/token"], "token", "does not serve IMDSv2"),
        (["throttle@api/token"], "token", "busy"),
        (["status=401@meta-data/*"], "metadata", "rejects its own token"),
        (["hang@meta-data/instance-id"], "metadata", "retry, with --wait 60"),
        (["refused=3600"], "connection", "nothing listens"),
    ],
)
def test_every_failure_has_advice(tmp_path: Path, faults: list[str], failing_check: str, advice: str) -> None:
    with Simulator(instances.load("plain"), faults=faults) as url:
        findings = diagnose(url, environ={}, root=machine(tmp_path, NITRO), timeout=0.4)

    assert [finding.check for finding in findings] == CHECKS
    failed = finding_of(failing_check, findings)
    assert failed.status == "fail"
    assert advice in failed.advice
    after = CHECKS[CHECKS.index(failing_check) + 1 :]
    assert failing_check == "metadata" or {statuses(findings)[check] for check in after} == {"skip"}


def test_doctor_does_not_connect_to_a_disabled_service(tmp_path: Path) -> None:
    environ = {"AWS_EC2_METADATA_DISABLED": "true"}

    findings = diagnose(environ=environ, root=tmp_path, connect=failing(AssertionError("connected")))  # type: ignore[arg-type]  # any exception will do

    assert statuses(findings)["settings"] == "fail"
    assert [finding.check for finding in findings] == CHECKS


def test_doctor_connects_to_the_default_endpoint(tmp_path: Path) -> None:
    asked: list[tuple[str, int]] = []

    def connect(host: str, port: int, timeout: float) -> NoReturn:
        asked.append((host, port))
        raise os_error(errno.ENETUNREACH)

    diagnose(environ={}, root=tmp_path, connect=connect)
    diagnose(environ={"AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE": "IPv6"}, root=tmp_path, connect=connect)

    assert asked == [("169.254.169.254", 80), ("fd00:ec2::254", 80)]


@pytest.mark.parametrize(
    "fault", ["status=403@api/token", "hang@api/token", "html@api/token", "drop@api/token", "refused=60"]
)
def test_client_error_has_the_advice_of_the_doctor(tmp_path: Path, fault: str) -> None:
    root = machine(tmp_path, NITRO)
    with Simulator(instances.load("plain"), faults=[fault]) as url:
        findings = diagnose(url, environ={}, root=root, timeout=0.4)
        with pytest.raises(UnavailableError) as raised:
            IMDSClient(url, timeout=0.4, attempts=1, environ={}).get("meta-data/mac")

    assert advise(raised.value, root) == next(finding.advice for finding in findings if finding.status == "fail")


def test_error_with_its_own_remedy_has_no_advice(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError) as raised:
        IMDSClient(environ={"AWS_EC2_METADATA_DISABLED": "true"})

    assert advise(raised.value, tmp_path) == ""


def test_error_of_a_command_has_one_line_with_advice(capsys: pytest.CaptureFixture[str]) -> None:
    with Simulator(instances.load("plain"), faults=["status=403@api/token"]) as url:
        status = main(["get", "region", "--endpoint", url])

    output, errors = capsys.readouterr()
    assert (status, output) == (3, "")
    assert re.fullmatch(r"ec2facts: error: .*switched off.*; .*--http-endpoint enabled.*\n", errors)
