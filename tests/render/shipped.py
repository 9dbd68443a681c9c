"""Facts for the tests of shipped templates, and hostile tags that try to inject syntax."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import strategies as st

from ec2facts import facts, instances
from ec2facts.errors import TemplateError
from ec2facts.render.template.environment import render_template
from ec2facts.render.template.search import packaged_templates

Facts = dict[str, Any]

NAMES = [
    *("Name", "Environment", "Backends", "aws:autoscaling:groupName", "items", "keys", "values", "get"),
    *("a-b", "a_b", "LD_PRELOAD", "PATH", "aws:x = [y]", "<b onclick=x>", "été", "a\nb", "k" * 128),
]
VALUES = [
    'it"s $host; return 444; } \\',
    "'; reboot; '",
    "$(reboot) `reboot`",
    "100% %h %n %% %(home)s %[env(HOME)]",
    "${x} ${env:HOME} $$ $1 {instance_id}",
    "</script><script>document.title = 'owned'</script></title></style>",
    '"><img src=x onerror="document.title=\'owned\'">',
    "{{ instance_id }} {% raw %}",
    "# not a comment ; nor this",
    "trailing \\",
    "a\nb\r\nSet-Cookie: stolen",
    "x\n[Service]\nExecStart=/bin/false",
    "\x1b[2J\x9b31m\x85\u2028\u202e",
    "] [other@1 x=y",
    " edges ",
    "",
    "日本 😀",
    "256" + "x" * 253,
]
HOSTILE: Facts = {
    "instance_id": "i-1234567890abcdef0",
    "instance_type": "t3.micro",
    "account_id": "012345678901",
    "region": "eu-west-1",
    "availability_zone": "eu-west-1a",
    "private_ipv4": "10.0.0.7",
    "private_hostname": "ip-10-0-0-7.eu-west-1.compute.internal",
    "network_interfaces": {
        "02:00:00:00:00:01": {
            "mac": "02:00:00:00:00:01",
            "private_hostname": "ip-10-0-0-7.eu-west-1.compute.internal",
            "private_ipv4s": ["10.0.0.7"],
            "subnet_id": "subnet-1234567890abcdef0",
            "vpc_ipv4_cidr_blocks": ["10.0.0.0/16", "10.1.0.0/16"],
        },
        "02:00:00:00:00:02": {"vpc_ipv4_cidr_blocks": ["10.0.0.0/16"], "vpc_ipv6_cidr_blocks": ["2001:db8::/56"]},
        "02:00:00:00:00:03": {},
    },
    "tags": {
        **{f"{number}": value for number, value in enumerate(VALUES)},
        "Name": VALUES[0],
        "items": "x",
        "a-b": "y",
    },
}
EVERY_FACTS = {"none": {}, "hostile": HOSTILE, **{name: facts(instances.load(name)) for name in instances.names()}}

every_facts = pytest.mark.parametrize("everything", EVERY_FACTS.values(), ids=EVERY_FACTS)

# Half of the characters are special in some syntax, so that combinations of them are frequent.
texts = (
    st.sampled_from(VALUES)
    | st.text(st.sampled_from("\\\"'$`%{}()[]<>#;:=,&|*?!~- \t\n\rax0é\x00\x1b\x7f\x85\u2028\u202e\ufeff\ufffe😀"))
    | st.text(st.characters(codec="utf-8"), max_size=256)
)
tags = st.dictionaries(st.sampled_from(NAMES) | st.text(st.characters(codec="utf-8"), min_size=1, max_size=128), texts)
IDENTITY = [
    *("instance_id", "instance_type", "ami_id", "account_id", "region", "availability_zone"),
    *("private_ipv4", "public_ipv4", "ipv6"),
]
identities = st.fixed_dictionaries({}, optional=dict.fromkeys(IDENTITY, texts))
"""Hostile texts in place of the facts that the service itself serves."""


def render(name: str, everything: Facts) -> str:
    """Render a shipped template."""
    return render_template(everything, packaged_templates() / name)


def render_or_refuse(name: str, everything: Facts) -> str | None:
    """Render a shipped template; return None if it refuses a value."""
    try:
        return render(name, everything)
    except TemplateError as error:
        if "undefined" in str(error):
            raise
        return None
