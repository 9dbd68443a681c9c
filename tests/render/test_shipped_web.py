"""The templates for nginx and haproxy, each run with its output and asked over HTTP."""

from __future__ import annotations

import html
import os
import re
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given

from ec2facts.errors import TemplateError
from ec2facts.render.template import render_text
from tests.fuzzing import examples
from tests.render.config_readers import Fetch, Program, header, running_haproxy, running_nginx
from tests.render.shipped import HOSTILE, IDENTITY, VALUES, every_facts, identities, render, render_or_refuse, texts

SERVERS = "eu-west-1a=127.0.0.2:1 eu-west-1b=[::1]:1 eu-west-1b=127.0.0.3:1"


def nginx(program: Program, printed: str) -> AbstractContextManager[Fetch]:
    def configuration(directory: Path) -> str:
        moved = printed.replace("listen 8080;", f"listen unix:{directory}/s;")
        moved = moved.replace("listen [::]:8080;", f"listen unix:{directory}/s6;")
        return moved.replace("/var/log/nginx/", f"{directory}/")

    return running_nginx(program, configuration)


def haproxy(program: Program, printed: str) -> AbstractContextManager[Fetch]:
    def configuration(directory: Path) -> str:
        moved = re.sub("bind (:80|:::80 v4v6)\n", f"bind unix@{directory}/s\n", printed)
        if os.geteuid() != 0:  # who cannot become another user need not ask to
            moved = re.sub("    (user|group) haproxy\n", "", moved)
        return moved.replace("bind 127.0.0.1:8404\n", f"bind unix@{directory}/t\n")

    return running_haproxy(program, configuration)


@every_facts
def test_nginx_answers_with_the_instance_in_its_headers(everything: dict[str, Any], program: Program) -> None:
    with nginx(program, render("nginx-ec2.conf.j2", everything)) as fetch:
        headers, body = fetch("/healthz")

    assert body == "ok\n"
    assert header(headers, "X-Instance-Id") == everything.get("instance_id")
    assert header(headers, "X-Availability-Zone") == everything.get("availability_zone")
    assert header(headers, "X-Instance-Name") == everything.get("tags", {}).get("Name")


@examples(8)
@given(name=texts)
@example(name=VALUES[3])
@example(name=VALUES[4])
@example(name=VALUES[5])
def test_nginx_sends_the_name_as_it_was_or_the_template_refuses_it(name: str, program: Program) -> None:
    printed = render_or_refuse("nginx-ec2.conf.j2", {**HOSTILE, "tags": {"Name": name}})
    if printed is None:
        return

    with nginx(program, printed) as fetch:
        headers, body = fetch("/healthz")

    # nginx does not send headers without a value.
    assert header(headers, "X-Instance-Name") == (name or None)
    assert (headers["Set-Cookie"], body) == (None, "ok\n")


@pytest.mark.parametrize(
    ("interfaces", "trusted"),
    [
        (HOSTILE["network_interfaces"], ["10.0.0.0/16", "10.1.0.0/16", "2001:db8::/56"]),
        ({"mac": {"vpc_ipv4_cidr_block": "10.0.0.0/16"}}, ["10.0.0.0/16"]),
        ({"mac": {}}, []),
    ],
)
def test_nginx_trusts_every_block_of_the_vpc_once(interfaces: dict[str, Any], trusted: list[str]) -> None:
    printed = render("nginx-ec2.conf.j2", {"network_interfaces": interfaces})

    assert re.findall("set_real_ip_from (.*);", printed) == trusted


@pytest.mark.parametrize(
    "everything",
    [
        {"tags": {"Name": "a\r\nSet-Cookie: stolen"}},
        {"network_interfaces": {"mac": {"vpc_ipv4_cidr_blocks": ["0.0.0.0/0; } server { "]}}},
    ],
)
def test_nginx_template_refuses_what_would_be_more_than_a_value(everything: dict[str, Any]) -> None:
    with pytest.raises(TemplateError, match=r"X-Instance-Name cannot hold|not an IP network"):
        render("nginx-ec2.conf.j2", everything)


def test_template_that_includes_one_that_ships_sets_its_variables() -> None:
    printed = render_text({}, "{% set port = 9090 %}{% include 'nginx-ec2.conf' %}")

    assert "    listen 9090;\n" in printed


@every_facts
def test_haproxy_answers_with_the_instance_in_its_headers(everything: dict[str, Any], program: Program) -> None:
    with haproxy(program, render("haproxy.cfg.j2", everything)) as fetch:
        healthy, body = fetch("/healthz")
        unserved, _ = fetch("/")

    assert body == "ok"
    for headers in (healthy, unserved):
        assert header(headers, "X-Instance-Id") == everything.get("instance_id")
        assert header(headers, "X-Availability-Zone") == everything.get("availability_zone")


@examples(8)
@given(name=texts)
@example(name=VALUES[0])
@example(name=VALUES[1])
@example(name=VALUES[5])
def test_haproxy_shows_a_name_that_no_browser_obeys(name: str, program: Program) -> None:
    printed = render("haproxy.cfg.j2", {"instance_id": "i-0abc", "tags": {"Name": name}})

    with haproxy(program, printed) as fetch:
        _, page = fetch("/", "t")

    match = re.search("<h2>Statistics Report for pid [0-9]+ on i-0abc(.*)</h2>", page)
    assert match
    assert not set("<>\"'") & set(match[1])
    assert html.unescape(match[1]) == (": " + visible(name) if name else "")


def visible(text: str) -> str:
    return render_text({"text": text}, "{{ text | visible }}")


@pytest.mark.parametrize(
    ("template", "listening"),
    [
        ("nginx-ec2.conf.j2", ["listen 8080;", "listen [::]:8080;"]),
        ("haproxy.cfg.j2", ["bind :::80 v4v6", "bind 127.0.0.1:8404"]),
    ],
)
def test_instance_with_an_ipv6_address_is_reached_there(template: str, listening: list[str]) -> None:
    printed = render(template, {"ipv6": "2001:db8::1"})

    assert re.findall(r"(?<= {4})(?:listen|bind) .*", printed) == listening


def test_haproxy_becomes_a_user_without_rights() -> None:
    printed = render("haproxy.cfg.j2", {})

    assert "    user haproxy\n    group haproxy\n" in printed


@pytest.mark.parametrize("value", ["\x1b[2J", "\x7f", "\t", " a", "a ", "a\nb"])
@pytest.mark.parametrize("template", ["haproxy.cfg.j2", "nginx-ec2.conf.j2"])
def test_template_refuses_a_zone_that_a_header_cannot_hold(template: str, value: str) -> None:
    with pytest.raises(TemplateError, match="X-Availability-Zone cannot hold"):
        render(template, {"availability_zone": value})


@pytest.mark.parametrize("value", ["i-0 abc", "i-0\n", "$HOME", "é", "<b>", ""])
def test_haproxy_template_refuses_what_is_no_name_of_a_node(value: str) -> None:
    with pytest.raises(TemplateError, match="does not match"):
        render("haproxy.cfg.j2", {"instance_id": value})


@examples(8)
@given(identity=identities)
@example(identity=dict(zip(IDENTITY, VALUES[2:])))
@example(identity=dict.fromkeys(IDENTITY, VALUES[3]))
def test_nginx_sends_what_the_service_says_as_it_was_or_the_template_refuses_it(
    identity: dict[str, str], program: Program
) -> None:
    printed = render_or_refuse("nginx-ec2.conf.j2", identity)
    if printed is None:
        return

    with nginx(program, printed) as fetch:
        headers, _ = fetch("/healthz")

    assert header(headers, "X-Instance-Id") == (identity.get("instance_id") or None)
    assert header(headers, "X-Availability-Zone") == (identity.get("availability_zone") or None)


@examples(8)
@given(zone=texts)
@example(zone=VALUES[3])
@example(zone="")
def test_haproxy_sends_a_zone_as_it_was_or_the_template_refuses_it(zone: str, program: Program) -> None:
    printed = render_or_refuse("haproxy.cfg.j2", {"availability_zone": zone})
    if printed is None:
        return

    with haproxy(program, printed) as fetch:
        headers, _ = fetch("/healthz")

    # haproxy does not start with a header without a value, so that there is none.
    assert header(headers, "X-Availability-Zone") == (zone or None)


def test_haproxy_prefers_servers_of_this_zone(program: Program) -> None:
    printed = render("haproxy.cfg.j2", {"availability_zone": "eu-west-1b", "tags": {"Backends": SERVERS}})

    with haproxy(program, printed) as fetch:
        _, page = fetch("/;csv", "t")

    rows = [line.split(",") for line in page.splitlines()]
    titles = rows[0]
    servers = [dict(zip(titles, row)) for row in rows if row[0] == "zone" and row[1] != "BACKEND"]
    assert [(server["svname"], server["bck"]) for server in servers] == [
        ("eu-west-1a-1", "1"),
        ("eu-west-1b-2", "0"),
        ("eu-west-1b-3", "0"),
    ]


def test_haproxy_takes_servers_from_a_template_that_includes_this_one() -> None:
    printed = render_text({}, f"{{% set backends = '{SERVERS}' %}}{{% include 'haproxy.cfg' %}}")

    assert "    server eu-west-1b-2 ipv6@::1:1 check backup\n" in printed


@pytest.mark.parametrize(
    "backends",
    [
        "127.0.0.1:80",
        "a=evil.example.com:80",
        "a=127.0.0.1:80\\",
        "a=127.0.0.1",
        "A=1.1.1.1:1",
        "a=1.1.1.1:1:x",
        "a=::1:1",
    ],
)
def test_haproxy_template_refuses_what_is_no_server(backends: str) -> None:
    with pytest.raises(TemplateError, match=r"zone=address:port, see the tag Backends|not an IP address"):
        render("haproxy.cfg.j2", {"tags": {"Backends": backends}})
