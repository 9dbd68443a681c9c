"""The templates for systemd, chrony, rsyslog, the hosts file and the message of the day, each read by its program."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ec2facts.errors import TemplateError
from ec2facts.render.template.environment import render_text
from tests.fuzzing import examples
from tests.render.config_readers import (
    Program,
    checked_by_rsyslog,
    free_port,
    hosts_by_getent,
    logged_by_rsyslog,
    sent_by_rsyslog,
    systemd_environment,
)
from tests.render.shipped import (
    HOSTILE,
    IDENTITY,
    VALUES,
    every_facts,
    identities,
    render,
    render_or_refuse,
    tags,
    texts,
)

MESSAGE = "<13>app[7]: started"


@every_facts
def test_systemd_passes_the_instance_and_its_tags_to_a_service(everything: dict[str, Any], program: Program) -> None:
    assigned = dict(word.split("=", 1) for word in systemd_environment(program, render("10-ec2.conf.j2", everything)))

    assert assigned.get("EC2_INSTANCE_ID") == everything.get("instance_id")
    assert assigned.get("EC2_ACCOUNT_ID") == everything.get("account_id")
    assert json.loads(assigned.get("EC2_TAGS", "null")) == everything.get("tags")


@examples(8)
@given(chosen=tags)
@example(chosen={"LD_PRELOAD": VALUES[11], "Name": VALUES[9]})
def test_hostile_tags_make_systemd_set_no_other_variable(chosen: dict[str, str], program: Program) -> None:
    printed = render_or_refuse("10-ec2.conf.j2", {"tags": chosen})
    if printed is None:
        return

    words = systemd_environment(program, printed)

    assert [word.partition("=")[0] for word in words] == ["EC2_TAGS"]
    assert json.loads(words[0].partition("=")[2]) == chosen


@examples(6)
@given(identity=identities)
@example(identity=dict(zip(IDENTITY, VALUES)))
def test_systemd_sets_hostile_facts_unchanged(identity: dict[str, str], program: Program) -> None:
    printed = render_or_refuse("10-ec2.conf.j2", identity)
    if printed is None:
        return

    words = systemd_environment(program, printed)

    assert words == [f"EC2_{name.upper()}={identity[name]}" for name in IDENTITY if name in identity]


@every_facts
def test_chrony_accepts_its_sources(everything: dict[str, Any], program: Program, tmp_path: Path) -> None:
    file = tmp_path / "ec2.conf"
    file.write_text(render("chrony-ec2.conf.j2", everything))

    # -p prints the parsed configuration and exits; nothing is sent.
    done = subprocess.run(
        [program("chronyd", package="chrony"), "-p", "-U", "-f", file], capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == file.read_text()


@pytest.mark.parametrize(
    ("everything", "addresses"),
    [
        ({}, ["169.254.169.123"]),
        ({"private_ipv4": "10.0.0.7"}, ["169.254.169.123"]),
        ({"private_ipv4": "10.0.0.7", "ipv6": "2001:db8::7", "system": "nitro"}, ["169.254.169.123", "fd00:ec2::123"]),
        ({"private_ipv4": "10.0.0.7", "ipv6": "2001:db8::7"}, ["169.254.169.123"]),
        ({"ipv6": "2001:db8::7", "system": "nitro"}, ["fd00:ec2::123"]),
        ({"ipv6": "2001:db8::7"}, ["fd00:ec2::123"]),
    ],
)
def test_chrony_uses_only_reachable_addresses_of_the_time_service(
    everything: dict[str, str], addresses: list[str]
) -> None:
    printed = render("chrony-ec2.conf.j2", everything)

    assert re.findall("^server ([^ ]+)", printed, re.MULTILINE) == addresses
    assert printed.count(" prefer") == 1


def logged(program: Program, everything: dict[str, Any], message: str = MESSAGE) -> str:
    printed = render("rsyslog-ec2.conf.j2", everything)
    return logged_by_rsyslog(
        program,
        lambda directory: printed.replace("/var/log/ec2.log", f"{directory}/log"),
        message,
        has_structured_data=message.startswith("<13>1 "),
    )


def structured_data(line: str) -> dict[str, str]:
    """Return the parameters of the only element of structured data (RFC 5424) in a line."""
    match = re.fullmatch(r'<13>1 \S+ \S+ app 7 - \[ec2@32473((?: [a-z]+="(?:[^"\\\]]|\\["\\\]])*")*)\] started\n', line)
    assert match, line
    parameters = re.findall(r' ([a-z]+)="((?:[^"\\\]]|\\["\\\]])*)"', match[1])
    return {name: re.sub(r'\\(["\\\]])', r"\1", value) for name, value in parameters}


@every_facts
def test_rsyslog_logs_with_the_instance_in_structured_data(everything: dict[str, Any], program: Program) -> None:
    data = structured_data(logged(program, everything))

    assert data.get("instance") == everything.get("instance_id")
    assert data.get("zone") == everything.get("availability_zone")


@examples(12)
@given(name=texts)
@example(name=VALUES[10])
@example(name=VALUES[13])
def test_rsyslog_logs_a_hostile_name_on_one_line(name: str, program: Program) -> None:
    data = structured_data(logged(program, {"tags": {"Name": name}}))

    assert data == {"name": visible(name)}


@examples(6)
@given(identity=identities)
@example(identity=dict(zip(IDENTITY, VALUES)))
def test_rsyslog_logs_hostile_facts_on_one_line(identity: dict[str, str], program: Program) -> None:
    parameters = {
        "instance": "instance_id",
        "type": "instance_type",
        "zone": "availability_zone",
        "account": "account_id",
    }

    data = structured_data(logged(program, identity))

    assert data == {name: visible(identity[fact]) for name, fact in parameters.items() if fact in identity}


def visible(text: str) -> str:
    return render_text({"text": text}, "{{ text | visible }}")


def sending(server: str, *, port: int | None = None) -> str:
    """Return the rsyslog configuration that sends to a server."""
    variables = {"name": server, **({} if port is None else {"number": port})}
    settings = "{% set log_server = name %}" + ("" if port is None else "{% set log_port = number %}")
    return render_text({"instance_id": "i-0abc", **variables}, settings + "{% include 'rsyslog-ec2.conf' %}")


def test_rsyslog_sends_to_the_default_port() -> None:
    printed = sending("logs.example.com")

    assert 'action(type="omfwd" target="logs.example.com" port="514" protocol="tcp"' in printed
    assert "omfile" not in printed


def test_rsyslog_queues_messages_while_the_server_is_down(program: Program) -> None:
    port = free_port()
    printed = sending("127.0.0.1", port=port)
    # On exit rsyslog waits a second for the server by default.
    printed = printed.replace("queue.filename", 'queue.timeoutActionCompletion="50" queue.filename')

    lines = sent_by_rsyslog(program, printed, port, [f"<13>app[7]: {n}" for n in range(3)])

    ends = [line.partition(" app 7 - ")[2] for line in lines]
    assert sorted(ends) == [f'[ec2@32473 instance="i-0abc"] {n}\n' for n in range(3)]


def test_rsyslog_keeps_the_structured_data_of_a_message(program: Program) -> None:
    own = '[origin@32473 x="1"]'
    message = f"<13>1 2026-01-15T10:02:00Z host app 7 - {own} started"

    line = logged(program, {"instance_id": "i-0abc"}, message)

    assert line.endswith(f' app 7 - [ec2@32473 instance="i-0abc"]{own} started\n')


def test_hostile_server_name_is_quoted_for_rsyslog(program: Program, tmp_path: Path) -> None:
    name = 'x"port="1"target="$y;#\'{}'
    file = tmp_path / "rsyslog.conf"
    file.write_text(sending(name))

    # -d prints every parsed parameter.
    said = checked_by_rsyslog(program, file, "-d")

    assert f"target:  '{name}'" in said


@every_facts
def test_c_library_finds_the_instance_in_the_hosts_file(
    everything: dict[str, Any], program: Program, tmp_path: Path
) -> None:
    file = tmp_path / "hosts"
    file.write_text(render("hosts.j2", everything))

    entries = hosts_by_getent(program, file)

    assert entries[0][:3] == ["127.0.0.1", "localhost", "localhost.localdomain"]
    if "private_ipv4" in everything:
        own = everything["private_hostname"]
        assert [everything["private_ipv4"], own, own.partition(".")[0]] in [entry[:3] for entry in entries]


def test_hosts_file_has_the_standard_names() -> None:
    assert render("hosts.j2", {}) == (
        "127.0.0.1 localhost localhost.localdomain localhost4 localhost4.localdomain4\n"
        "::1 localhost localhost.localdomain localhost6 localhost6.localdomain6 ip6-localhost ip6-loopback\n"
        "ff02::1 ip6-allnodes\n"
        "ff02::2 ip6-allrouters\n"
    )


def own_lines(printed: str) -> list[str]:
    """Return the lines of a hosts file after the standard ones."""
    return printed.removeprefix(render("hosts.j2", {})).splitlines()


@pytest.mark.parametrize(
    ("name", "aliases"),
    [
        ("web-1", ["web-1"]),
        ("web-1.example.com", ["web-1.example.com", "web-1"]),
        ("10.example.com", ["10.example.com"]),
        *(
            (name, [])
            for name in (
                "web 1",
                "web_1",
                "localhost",
                "a.localdomain",
                "10.0.0.8",
                "sts.amazonaws.com",
                "LocalHost",
                "10",
                "web\n",
                "-",
                "",
                "é",
            )
        ),
        *((name, []) for name in ("ip6-allnodes", "IP6-web", "localhost6", "my-local")),
        *((name, [name]) for name in ("ip-6", "web-ip6-1", "ip6")),
        *((name, []) for name in VALUES if not name.startswith("256")),
    ],
)
def test_tag_name_is_an_alias_only_if_it_is_a_safe_host_name(name: str, aliases: list[str]) -> None:
    interface = {"private_hostname": "ip-10-0-0-7.ec2.internal", "private_ipv4s": ["10.0.0.7"]}

    printed = render("hosts.j2", {"network_interfaces": {"mac": interface}, "tags": {"Name": name}})

    assert own_lines(printed) == [" ".join(["10.0.0.7 ip-10-0-0-7.ec2.internal ip-10-0-0-7", *aliases])]


def test_tag_name_is_an_alias_of_every_address_of_the_primary_interface_only() -> None:
    interfaces = {
        "first": {
            "private_hostname": "a.ec2.internal",
            "private_ipv4s": ["10.0.0.7"],
            "ipv6s": ["2001:db8:0:0:0:0:0:7"],
        },
        "second": {"private_hostname": "b.ec2.internal", "private_ipv4s": ["10.0.0.8", "10.0.0.9"]},
    }

    printed = render("hosts.j2", {"network_interfaces": interfaces, "tags": {"Name": "web-1"}})

    assert own_lines(printed) == [
        "10.0.0.7 a.ec2.internal a web-1",
        "2001:db8::7 a.ec2.internal a web-1",
        "10.0.0.8 b.ec2.internal b",
    ]


@pytest.mark.parametrize(
    ("hostname", "names"),
    [
        ("ip-10-0-0-7.ec2.internal example.com", " ip-10-0-0-7.ec2.internal ip-10-0-0-7"),
        ("ip-10-0-0-7.", " ip-10-0-0-7"),
        *(
            (name, None)
            for name in ("", " a", "a_b.example.com", "a..b", "a\n10.0.0.8 example.com", "-a", "a.b\n", *VALUES[:8])
        ),
    ],
)
def test_interface_is_listed_under_its_first_host_name_if_valid(hostname: str, names: str | None) -> None:
    interface = {"private_hostname": hostname, "private_ipv4s": ["10.0.0.7"]}

    printed = render("hosts.j2", {"network_interfaces": {"mac": interface}})

    assert own_lines(printed) == ([] if names is None else [f"10.0.0.7{names}"])


@pytest.mark.parametrize(
    "interface",
    [
        {"private_hostname": "a", "private_ipv4s": ["10.0.0.7 example.com"]},
        {"private_hostname": "a", "ipv6s": ["::1\n::2"]},
    ],
)
def test_hosts_template_refuses_an_invalid_address(interface: dict[str, Any]) -> None:
    with pytest.raises(TemplateError, match="not an IP address"):
        render("hosts.j2", {"network_interfaces": {"mac": interface}})


@every_facts
def test_message_of_the_day_holds_no_control_characters(everything: dict[str, Any], program: Program) -> None:
    printed = render("motd.j2", everything)

    seen = subprocess.run([program("cat"), "-v"], input=printed.encode(), capture_output=True, check=True).stdout

    # cat -v also escapes the bytes of non-ASCII text.
    for line, line_seen in zip(printed.splitlines(), seen.decode().splitlines()):
        assert line_seen == line or not line.isascii()
    assert printed.replace("\n", "").isprintable()


@examples(15)
@given(chosen=tags)
def test_message_of_the_day_has_one_line_for_each_tag(chosen: dict[str, str]) -> None:
    printed = render("motd.j2", {"tags": chosen})

    assert len(printed.splitlines()) == len(chosen)
    assert printed.replace("\n", "").isprintable()


MOTD = [
    *("instance_id", "instance_type", "availability_zone", "availability_zone_id", "account_id", "private_ipv4"),
    *("private_hostname", "public_ipv4", "public_hostname", "ipv6"),
]


@examples(8)
@given(identity=st.fixed_dictionaries({}, optional=dict.fromkeys(MOTD, texts)))
@example(identity=dict.fromkeys(MOTD, "\x1b[2J\nroot\u2028\u202e"))
def test_hostile_facts_add_no_lines_to_the_message_of_the_day(identity: dict[str, str]) -> None:
    printed = render("motd.j2", identity)

    lines = printed.splitlines()
    assert "  ".join(line[10:] for line in lines) == "  ".join(
        visible(identity[fact]) for fact in MOTD if identity.get(fact)
    )
    assert len(lines) <= 6
    assert printed.replace("\n", "").isprintable()


def test_message_of_the_day_begins_with_notices() -> None:
    everything = {
        "instance_id": "i-0abc",
        "maintenance_scheduled": [
            {"Code": "instance-stop", "NotBefore": "21 Jan 2026 09:00:43 GMT", "State": "active"}
        ],
        "spot_instance_action": {"action": "stop", "time": "2026-01-15T10:02:00Z"},
        "rebalance_recommendation": "2026-01-15T09:50:00Z",
    }

    assert render("motd.j2", everything) == (
        "NOTICE    Spot Instance: stop at 2026-01-15 10:02:00 UTC\n"
        "NOTICE    Rebalance recommendation of 2026-01-15 09:50:00 UTC\n"
        "NOTICE    Maintenance: instance-stop, active, from 2026-01-21 09:00:43 UTC\n"
        "Instance  i-0abc\n"
    )


def test_message_of_the_day_compresses_ipv6_and_ends_with_the_tags_of_aws() -> None:
    everything = {"ipv6": "2001:db8:0:0:0:0:0:7", "tags": {"Name": "web", "aws:x": "1", "zone": "a"}}

    assert render("motd.j2", everything) == (
        "IPv6      2001:db8::7\n"
        "Tag       Name = web\n"
        "          zone = a\n"
        "          aws:x = 1\n"
    )  # fmt: skip


def test_message_of_the_day_omits_absent_facts() -> None:
    everything = {"instance_id": "i-0abc", "tags": {"Name": "web\n\x1b[2J", "Owner": "me"}}

    assert render("motd.j2", everything) == (
        "Instance  i-0abc\n"
        "Tag       Name = web\\n\\x1b[2J\n"
        "          Owner = me\n"
    )  # fmt: skip


def test_hostile_facts_hold_every_hostile_value() -> None:
    assert set(VALUES) <= set(HOSTILE["tags"].values())
