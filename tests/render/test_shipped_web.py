"""The templates for nginx and haproxy, each run with its output and queried over HTTP."""

from __future__ import annotations

import grp
import html
import os
import pwd
import re
from contextlib import AbstractContextManager, ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from hypothesis import example, given

from ec2facts.errors import TemplateError
from ec2facts.render.template.environment import render_text
from tests.fuzzing import examples
from tests.render.config_readers import (
    Program,
    Server,
    command_haproxy,
    free_port,
    header,
    running_haproxy,
    running_nginx,
    wait_until,
)
from tests.render.shipped import HOSTILE, IDENTITY, VALUES, every_facts, identities, render, render_or_refuse, texts

SERVERS = "eu-west-1a=127.0.0.2:1 eu-west-1b=[::1]:1 eu-west-1b=127.0.0.3:1"


def nginx(program: Program, printed: str) -> AbstractContextManager[Server]:
    def configuration(directory: Path) -> str:
        moved = printed.replace("listen 8080;", f"listen unix:{directory}/s;")
        moved = moved.replace("listen [::]:8080;", f"listen unix:{directory}/s6;")
        return moved.replace("/var/log/nginx/", f"{directory}/")

    return running_nginx(program, configuration)


def haproxy(program: Program, printed: str) -> AbstractContextManager[Server]:
    def configuration(directory: Path) -> str:
        moved = re.sub("bind (:80|:::80 v4v6)\n", f"bind unix@{directory}/s\n", printed)
        if os.geteuid() != 0:  # only root can change the user or the root directory
            moved = re.sub("    (chroot|user|group) .*\n", "", moved)
        moved = moved.replace("/var/lib/haproxy", str(directory))
        return moved.replace("bind 127.0.0.1:8404\n", f"bind unix@{directory}/t\n")

    return running_haproxy(program, configuration)


@every_facts
def test_nginx_sends_the_instance_in_headers(everything: dict[str, Any], program: Program) -> None:
    with nginx(program, render("nginx-ec2.conf.j2", everything)) as fetch:
        headers, body = fetch("/healthz")

    assert body == "ok\n"
    assert header(headers, "X-Instance-Id") == everything.get("instance_id")
    assert header(headers, "X-Availability-Zone") == everything.get("availability_zone")
    assert header(headers, "X-Instance-Name") == everything.get("tags", {}).get("Name")


def test_every_nginx_server_sends_and_logs_the_instance(program: Program) -> None:
    interfaces = {"mac": {"vpc_ipv4_cidr_blocks": ["127.0.1.0/24"]}}
    port = free_port()
    site = f'server {{ listen 127.0.0.1:{port}; location = / {{ return 200 "site"; }} location / {{ return 404; }} }}'
    client = {"X-Forwarded-For": "203.0.113.9"}

    with nginx(program, render("nginx-ec2.conf.j2", {**HOSTILE, "network_interfaces": interfaces}) + site) as server:
        responses = [
            server.get("/", at=port, source="127.0.1.5", headers=client),
            server.get("/", at=port, source="127.0.0.1", headers=client),
            server.get(
                "/nowhere", at=port, source="127.0.1.5", headers={"X-Forwarded-For": "127.0.1.6, 10.0.0.1, 127.0.1.7"}
            ),
            server.get("/"),
        ]
        lines = server.lines("ec2.log", 4)

    assert [(response.status, response.body) for response in responses[:2]] == [(200, "site")] * 2
    assert [response.status for response in responses[2:]] == [404, 404]
    for _, headers, _ in responses:
        assert headers.get_all("X-Instance-Id") == [HOSTILE["instance_id"]]
        assert headers.get_all("X-Availability-Zone") == [HOSTILE["availability_zone"]]
        assert header(headers, "X-Instance-Name") == HOSTILE["tags"]["Name"]
    logged = [
        re.fullmatch(r'(\S+) - - \[.+\] "GET (\S+) HTTP/1.1" (\d+) \d+ "-" "-" (\S+) (\S+)', line) for line in lines
    ]
    named = (HOSTILE["instance_id"], HOSTILE["availability_zone"])
    assert [match and match.groups() for match in logged] == [
        ("203.0.113.9", "/", "200", *named),
        ("127.0.0.1", "/", "200", *named),
        ("10.0.0.1", "/nowhere", "404", *named),
        ("unix:", "/", "404", *named),
    ]


@examples(8)
@given(name=texts)
@example(name=VALUES[3])
@example(name=VALUES[4])
@example(name=VALUES[5])
def test_nginx_sends_the_name_unchanged_or_omits_the_header(name: str, program: Program) -> None:
    printed = render("nginx-ec2.conf.j2", {**HOSTILE, "tags": {"Name": name}})

    with nginx(program, printed) as fetch:
        headers, body = fetch("/healthz")

    # nginx does not send headers without a value.
    is_left_out = "# X-Instance-Name is left out: the tag Name" in printed
    assert header(headers, "X-Instance-Name") == (None if is_left_out else name or None)
    assert is_left_out == (re.search(r"[\x00-\x08\x0a-\x1f\x7f]", name) is not None or name.strip(" \t") != name)
    assert (headers["Set-Cookie"], body) == (None, "ok\n")


@pytest.mark.parametrize(
    ("interfaces", "trusted"),
    [
        (HOSTILE["network_interfaces"], ["10.0.0.0/16", "10.1.0.0/16", "2001:db8::/56"]),
        ({"mac": {"vpc_ipv4_cidr_block": "10.0.0.0/16"}}, ["10.0.0.0/16"]),
        ({"mac": {}}, []),
    ],
)
def test_nginx_trusts_each_vpc_block_once(interfaces: dict[str, Any], trusted: list[str]) -> None:
    printed = render("nginx-ec2.conf.j2", {"network_interfaces": interfaces})

    assert re.findall("set_real_ip_from (.*);", printed) == trusted


def test_nginx_template_refuses_an_invalid_network() -> None:
    everything = {"network_interfaces": {"mac": {"vpc_ipv4_cidr_blocks": ["0.0.0.0/0; } server { "]}}}

    with pytest.raises(TemplateError, match="not an IP network"):
        render("nginx-ec2.conf.j2", everything)


@pytest.mark.parametrize(("name", "variables"), [("web-1", 0), ("$5", 1)])
def test_nginx_needs_the_geo_module_only_for_a_dollar_sign(name: str, variables: int) -> None:
    printed = render("nginx-ec2.conf.j2", {"instance_id": "i-0abc", "tags": {"Name": name}})

    assert printed.count("\ngeo $dollar") == printed.count("ngx_http_geo_module") == variables


def test_including_template_sets_variables_of_a_shipped_one() -> None:
    printed = render_text({}, "{% set port = 9090 %}{% include 'nginx-ec2.conf' %}")

    assert "    listen 9090;\n" in printed


@every_facts
def test_haproxy_sends_the_instance_in_headers(everything: dict[str, Any], program: Program) -> None:
    with haproxy(program, render("haproxy.cfg.j2", everything)) as fetch:
        headers, body = fetch("/")

    assert body == "The tag Backends names no server.\n"
    assert header(headers, "X-Instance-Id") == everything.get("instance_id")
    assert header(headers, "X-Availability-Zone") == everything.get("availability_zone")


@examples(8)
@given(name=texts)
@example(name=VALUES[0])
@example(name=VALUES[1])
@example(name=VALUES[5])
def test_haproxy_escapes_a_hostile_name_on_its_statistics_page(name: str, program: Program) -> None:
    printed = render("haproxy.cfg.j2", {"instance_id": "i-0abc", "tags": {"Name": name}})

    with haproxy(program, printed) as fetch:
        _, page = fetch("/", at="t")

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
def test_server_listens_on_ipv6_if_the_instance_has_an_address(template: str, listening: list[str]) -> None:
    printed = render(template, {"ipv6": "2001:db8::1"})

    assert re.findall(r"(?<= {4})(?:listen|bind) .*", printed) == listening


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can drop privileges")
def test_haproxy_drops_root_and_changes_its_root_directory(program: Program) -> None:
    with haproxy(program, render("haproxy.cfg.j2", {})) as server:
        (pid,) = re.findall("^Pid: ([0-9]+)$", command_haproxy(server, "show info"), re.MULTILINE)
        process = Path("/proc") / pid

        assert (process.stat().st_uid, process.stat().st_gid) == (
            pwd.getpwnam("haproxy").pw_uid,
            grp.getgrnam("haproxy").gr_gid,
        )
        assert (process / "root").readlink() == server.directory


@pytest.mark.parametrize("emptied", ["chroot", "user"])
def test_empty_variable_disables_chroot_or_user_change(emptied: str) -> None:
    printed = render_text({}, f"{{% set {emptied} = '' %}}{{% include 'haproxy.cfg' %}}")

    given_up = re.findall("^    (chroot|stats socket|user|group) ", printed, re.MULTILINE)
    assert given_up == {"chroot": ["user", "group"], "user": ["chroot", "stats socket"]}[emptied]


@pytest.mark.parametrize("value", ["\x1b[2J", "\x7f", "\t", " a", "a ", "a\nb"])
@pytest.mark.parametrize("template", ["haproxy.cfg.j2", "nginx-ec2.conf.j2"])
def test_template_refuses_a_zone_that_a_header_cannot_hold(template: str, value: str) -> None:
    with pytest.raises(TemplateError, match="X-Availability-Zone cannot hold"):
        render(template, {"availability_zone": value})


@pytest.mark.parametrize("value", ["i-0 abc", "i-0\n", "$HOME", "é", "<b>", ""])
def test_haproxy_template_refuses_an_invalid_node_name(value: str) -> None:
    with pytest.raises(TemplateError, match="instance_id is not a valid node name"):
        render("haproxy.cfg.j2", {"instance_id": value})


@examples(8)
@given(identity=identities)
@example(identity=dict(zip(IDENTITY, VALUES[2:])))
@example(identity=dict.fromkeys(IDENTITY, VALUES[3]))
def test_nginx_sends_hostile_facts_unchanged_or_the_template_refuses_them(
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
def test_haproxy_sends_a_hostile_zone_unchanged_or_the_template_refuses_it(zone: str, program: Program) -> None:
    printed = render_or_refuse("haproxy.cfg.j2", {"availability_zone": zone})
    if printed is None:
        return

    with haproxy(program, printed) as fetch:
        headers, _ = fetch("/healthz")

    # haproxy refuses to set an empty header, so the template writes none.
    assert header(headers, "X-Availability-Zone") == (zone or None)


def test_haproxy_prefers_servers_of_this_zone(program: Program) -> None:
    printed = render("haproxy.cfg.j2", {"availability_zone": "eu-west-1b", "tags": {"Backends": SERVERS}})

    with haproxy(program, printed) as fetch:
        _, page = fetch("/;csv", at="t")

    rows = [line.split(",") for line in page.splitlines()]
    titles = rows[0]
    servers = [dict(zip(titles, row)) for row in rows if row[0] == "zone" and row[1] != "BACKEND"]
    assert [(server["svname"], server["bck"]) for server in servers] == [
        ("eu-west-1a-1", "1"),
        ("eu-west-1b-2", "0"),
        ("eu-west-1b-3", "0"),
    ]


class Backend(ThreadingHTTPServer):
    """A server on loopback that responds with its name and the client's address, and serves /healthz."""

    def __init__(self, name: str) -> None:
        super().__init__(("127.0.0.1", 0), Backend.Handler)
        self.name = name
        self.healthy = True
        self.thread = Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01})

    class Handler(BaseHTTPRequestHandler):
        server: Backend

        def do_GET(self) -> None:
            if self.path == "/healthz":
                self.send_response(200 if self.server.healthy else 503)
                self.end_headers()
                return
            self.send_response(200)
            self.end_headers()
            self.wfile.write(f"{self.server.name} for {self.headers['X-Forwarded-For']}".encode())

        def log_message(self, *_: object) -> None:
            pass

    def __enter__(self) -> Backend:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.shutdown()
        self.thread.join()
        self.server_close()


def test_haproxy_fails_over_to_other_zones_when_no_server_of_this_zone_is_healthy(program: Program) -> None:
    port = free_port()
    with ExitStack() as stack:
        gone, near, *far = (stack.enter_context(Backend(name)) for name in ("gone", "near", "far 1", "far 2"))
        servers = [f"a=127.0.0.1:{gone.server_port}", f"a=127.0.0.1:{near.server_port}"]
        servers += [f"b=127.0.0.1:{backend.server_port}" for backend in far]
        printed = render("haproxy.cfg.j2", {"availability_zone": "a", "tags": {"Backends": " ".join(servers)}})
        printed = printed.replace("bind :80\n", f"bind :80\n    bind 127.0.0.1:{port}\n")
        # The default, a check every two seconds, is slow for a test.
        printed = printed.replace("zone\n    balance", "zone\n    default-server inter 10ms\n    balance")
        server = stack.enter_context(haproxy(program, printed))

        # Without checks haproxy still sends requests to the closed server.
        assert command_haproxy(server, "disable health zone/a-1").strip() == ""
        gone.close()
        well = [server.get("/", at=port) for _ in range(4)]
        assert command_haproxy(server, "disable server zone/a-1").strip() == ""
        near.healthy = False
        wait_until(lambda: "near" not in server.get("/", at=port).body, "the zone given up")
        unwell = [server.get("/", at=port) for _ in range(4)]
        healthy = server.get("/healthz", at=port).status
        for backend in far:
            backend.healthy = False
        wait_until(lambda: server.get("/healthz", at=port).status == 503, "the failure of /healthz")

    assert {(response.status, response.body) for response in well} == {(200, "near for 127.0.0.1")}
    assert {(response.status, response.body) for response in unwell} == {
        (200, f"far {n} for 127.0.0.1") for n in (1, 2)
    }
    assert healthy == 200


def test_haproxy_uses_the_servers_of_an_including_template() -> None:
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
def test_haproxy_template_refuses_an_invalid_server(backends: str) -> None:
    with pytest.raises(TemplateError, match=r"zone=address:port, see the tag Backends|not an IP address"):
        render("haproxy.cfg.j2", {"tags": {"Backends": backends}})


@pytest.mark.parametrize("port", ["1", "9", "10", "9999", "10000", "59999", "60000", "65535"])
def test_haproxy_accepts_every_valid_port(port: str) -> None:
    printed = render("haproxy.cfg.j2", {"tags": {"Backends": f"a=10.0.0.1:{port}"}})

    assert f"    server a-1 10.0.0.1:{port} check backup\n" in printed


@pytest.mark.parametrize("port", ["0", "00", "080", "65536", "65540", "65600", "66000", "70000", "99999", "100000"])
def test_haproxy_template_refuses_an_invalid_port(port: str) -> None:
    with pytest.raises(TemplateError, match="a port is not 1 to 65535, see the tag Backends"):
        render("haproxy.cfg.j2", {"tags": {"Backends": f"a=10.0.0.1:{port}"}})
