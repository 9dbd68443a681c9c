"""The templates that ship, each read by the program that it is for, over every simulated instance and hostile tags."""

from __future__ import annotations

import configparser
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ec2facts import facts, instances
from ec2facts.errors import TemplateError
from ec2facts.render.library import list_templates, packaged_templates
from ec2facts.render.template import render_template
from tests.render.config_readers import Program, header, running_nginx

HOSTILE: dict[str, Any] = {
    "instance_id": "i-0abc",
    "availability_zone": "eu-west-1a",
    "private_ipv4": "10.0.0.7",
    "network_interfaces": {
        "02:00:00:00:00:01": {"vpc_ipv4_cidr_blocks": ["10.0.0.0/16", "10.1.0.0/16"]},
        "02:00:00:00:00:02": {"vpc_ipv4_cidr_blocks": ["10.0.0.0/16"], "vpc_ipv6_cidr_blocks": ["2001:db8::/56"]},
        "02:00:00:00:00:03": {},
    },
    "tags": {
        "Name": 'it"s $host; return 444; } \\',
        "items": "%(home)s ${home} 100%",
        "keys": "# not a comment ; nor this",
        "a-b": "`reboot` $(reboot)",
        "aws:x = [y]": "\x1b[2J\x9b31m",
        "empty": "",
        "été": "日本 😀",
    },
}
EVERY_FACTS = {"none": {}, "hostile": HOSTILE, **{name: facts(instances.load(name)) for name in instances.names()}}

every_facts = pytest.mark.parametrize("everything", EVERY_FACTS.values(), ids=EVERY_FACTS)


def render(name: str, everything: dict[str, Any]) -> str:
    return render_template(everything, packaged_templates() / name)


@every_facts
@pytest.mark.parametrize("name", [template.name for template in list_templates()])
def test_template_prints_whole_lines_whatever_is_absent(name: str, everything: dict[str, Any]) -> None:
    printed = render(name, everything)

    assert not printed or printed.endswith("\n")


@every_facts
def test_nginx_answers_with_the_instance_in_its_headers(everything: dict[str, Any], program: Program) -> None:
    printed = render("nginx-ec2.conf.j2", everything)

    def configuration(directory: Path) -> str:
        return printed.replace("listen 8080;", f"listen unix:{directory}/s;").replace(
            "/var/log/nginx/", f"{directory}/"
        )

    with running_nginx(program, configuration) as fetch:
        headers, body = fetch("/healthz")

    assert body == "ok\n"
    assert header(headers, "X-Instance-Id") == everything.get("instance_id")
    assert header(headers, "X-Availability-Zone") == everything.get("availability_zone")
    assert header(headers, "X-Instance-Name") == everything.get("tags", {}).get("Name")


def test_nginx_trusts_every_block_of_the_vpc_once() -> None:
    printed = render("nginx-ec2.conf.j2", HOSTILE)

    trusted = [line for line in printed.splitlines() if line.startswith("set_real_ip_from")]
    assert trusted == [f"set_real_ip_from {block};" for block in ("10.0.0.0/16", "10.1.0.0/16", "2001:db8::/56")]


@pytest.mark.parametrize(
    "everything",
    [
        {"tags": {"Name": "a\r\nSet-Cookie: stolen"}},
        {"network_interfaces": {"mac": {"vpc_ipv4_cidr_blocks": ["0.0.0.0/0; } server { "]}}},
    ],
)
def test_nginx_template_refuses_what_would_be_more_than_a_value(everything: dict[str, Any]) -> None:
    with pytest.raises(TemplateError, match=r"an HTTP header cannot hold|not an IP network"):
        render("nginx-ec2.conf.j2", everything)


@every_facts
def test_configparser_reads_the_settings_of_an_application(everything: dict[str, Any], tmp_path: Path) -> None:
    file = tmp_path / "app.ini"
    file.write_bytes(render("app.ini.j2", everything).encode())
    settings = configparser.ConfigParser()

    settings.read(file, encoding="utf-8")

    assert settings.sections() == ["instance", "network", "tags"]
    assert settings["instance"].get("id") == everything.get("instance_id")
    assert settings["network"].get("private_ipv4") == everything.get("private_ipv4")
    assert json.loads(settings["tags"].get("json", "null")) == everything.get("tags")


@every_facts
def test_terminal_gets_no_control_character_from_the_message_of_the_day(
    everything: dict[str, Any], program: Program
) -> None:
    printed = render("motd.j2", everything)

    seen = subprocess.run([program("cat"), "-v"], input=printed.encode(), capture_output=True, check=True).stdout

    # cat -v spells out what is not ASCII as well, by its bytes.
    for line, line_seen in zip(printed.splitlines(), seen.decode().splitlines()):
        assert line_seen == line or not line.isascii()
    assert printed.replace("\n", "").isprintable()


def test_message_of_the_day_says_what_is_known_and_no_more() -> None:
    everything = {"instance_id": "i-0abc", "tags": {"Name": "web\n\x1b[2J", "Owner": "me"}}

    assert render("motd.j2", everything) == (
        "Instance  i-0abc\n"
        "Tag       Name = web\\n\\x1b[2J\n"
        "          Owner = me\n"
    )  # fmt: skip
