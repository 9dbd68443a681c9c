"""An undefined value is an error that names the reason, unless the template has a default."""

from __future__ import annotations

from typing import Any

import pytest

from ec2facts.errors import TemplateError
from ec2facts.metadata.descriptor import attributes
from ec2facts.metadata.instance import EC2Metadata
from ec2facts.render.template.environment import render_text

MAC = "0e:49:61:0f:c3:11"
FACTS: dict[str, Any] = {
    "instance_id": "i-0abc",
    "public_keys": {},
    "public_ipv4": "203.0.113.25",
    "tags": {"Name": "web", "a-b": "hyphen", "web-1": "number"},
    "network_interfaces": {MAC: {"device_number": 0, "ipv6s": []}},
    "meta_data": {
        "iam": {},
        "instance-id": "i-0abc",
        "instance-type": "m7g.large",
        "block-device-mapping": {"ami": "xvda"},
        "tags": {"instance": {"Name": "web"}},
    },
    "collection": {
        "withheld": {"meta-data/iam/security-credentials/": "included only with --include iam_security_credentials"},
        "unread": {
            f"meta-data/network/interfaces/macs/{MAC}/subnet-id": "HTTP 503",
            "meta-data/tags/instance/Owner": "timed out",
            "meta-data/local-ipv4": "HTTP 500",
        },
    },
}


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("{{ tags.Nope }}", "undefined 'tags.Nope' (did you mean 'tags.Name'?)"),
        ("{{ tags.name }}", "undefined 'tags.name' (did you mean 'tags.Name'?)"),
        ("{{ facts.tags.Nmae }}", "undefined 'tags.Nmae' (did you mean 'tags.Name'?)"),
        ("{{ tags.a_b }}", "undefined 'tags.a_b' (did you mean \"tags['a-b']\"?)"),
        ("{{ tags['a b'] }}", "undefined \"tags['a b']\" (did you mean \"tags['a-b']\"?)"),
        ("{{ tag.Name.x[0] }}", "undefined 'tag.Name.x[0]' (did you mean 'tags'?)"),
        ("{{ instance-id }}", "undefined 'instance' (did you mean 'instance_id'?)"),
        ("{{ public-ipv4 }}", "undefined 'public' (did you mean 'public_ipv4'?)"),
        (
            "{{ meta_data.instance-type }}",
            "undefined 'meta_data.instance' (did you mean \"meta_data['instance-type']\"?)",
        ),
        (
            "{{ meta_data.block-device-mapping.ami | default('-') }}",
            "undefined 'meta_data.block' (did you mean \"meta_data['block-device-mapping']\"?)",
        ),
        ("{{ tags.web-1 }}", "undefined 'tags.web' (did you mean \"tags['web-1']\"?)"),
        ("{{ tags.a-b | upper }}", "undefined 'tags.a' (did you mean \"tags['a-b']\"?)"),
        ("{{ meta_data.instance - 1 }}", "undefined 'meta_data.instance' (did you mean \"meta_data['instance-id']\"?)"),
        ("{{ zzz }}", "undefined 'zzz'"),
        ("{{ facts.zzz }}", "undefined 'zzz'"),
        (
            "{{ network_interfaces['" + MAC + "'].ipv6s[0] }}",
            f"undefined \"network_interfaces['{MAC}'].ipv6s[0]\"",
        ),
        (
            "{{ network_interfaces.0.public_ipv4s[0] }}",
            f"undefined \"network_interfaces['{MAC}'].public_ipv4s[0]\""
            f": this instance has no \"network_interfaces['{MAC}'].public_ipv4s\"",
        ),
        ("{{ host_id }}", "undefined 'host_id': this instance has no 'host_id'"),
        ("{{ iam_info.Code }}", "undefined 'iam_info.Code': this instance has no 'iam_info'"),
        (
            "{% for nic in network_interfaces.values() %}{{ nic.device_nr }}{% endfor %}",
            f"undefined \"network_interfaces['{MAC}'].device_nr\""
            f" (did you mean \"network_interfaces['{MAC}'].device_number\"?)",
        ),
        ("{{ {'colour': 1}.color }}", "undefined 'color' (did you mean 'colour'?)"),
        ("{{ instance_id.nope }}", "'instance_id' is text and has no 'nope'"),
        ("{{ tags.Name.nope }}", "'tags.Name' is text and has no 'nope'"),
        ("{{ 'text'.nope }}", "the value is text and has no 'nope'"),
        ("{{ tags.items }}", "undefined 'tags.items'"),
        ("{{ tags.item() }}", "undefined 'tags.item'"),
        ("{{ tags | attr('nope') }}", "undefined 'tags.nope'"),
        ("{{ [] | first }}", "No first item, sequence was empty."),
    ],
)
def test_error_names_the_undefined_key_and_suggests_a_similar_one(source: str, message: str) -> None:
    with pytest.raises(TemplateError) as caught:
        render_text(FACTS, source)

    assert str(caught.value).startswith(f"<template>:1: {message}")
    assert "\n" not in str(caught.value)


def test_error_about_absent_tags_names_the_command_that_enables_them() -> None:
    with pytest.raises(
        TemplateError,
        match=r"no 'tags'; enable them with aws ec2 modify-instance-metadata-options --instance-metadata-tags enabled$",
    ):
        render_text({"instance_id": "i-0"}, "{{ tags.Name }}")


@pytest.mark.parametrize(
    "use",
    [
        "{{ x }}",
        "{{ x ~ 'a' }}",
        "{{ x + 1 }}",
        "{{ -x }}",
        "{% if x %}{% endif %}",
        "{{ 'a' if not x }}",
        "{% for y in x %}{% endfor %}",
        "{{ x == 1 }}",
        "{{ x != 1 }}",
        "{{ x < 1 }}",
        "{{ 1 in x }}",
        "{{ x in [1] }}",
        "{{ x() }}",
        "{{ x | length }}",
        "{{ x | upper }}",
        "{{ x | e }}",
        "{{ x | pprint }}",
        "{{ {'a': x} | pprint }}",
        "{{ [x] | join }}",
        "{{ 'a' | replace('a', x) }}",
        "{{ '%s' | format(x) }}",
        "{{ '%s' % x }}",
        "{{ '{}'.format(x) }}",
        "{{ x.items() }}",
        "{{ ['a'] is contains(x) }}",
        "{{ 60 | random(seed=x) }}",
        "{{ 'a' | matching(x) }}",
        "{{ x | int }}",
        "{{ [x] | to_json }}",
        "{{ {'a': x} | to_yaml }}",
        "{{ {x: 1} | to_json }}",
    ],
)
@pytest.mark.parametrize("name", ["tags.Nope", "nope.deep[0]"])
def test_every_use_of_an_undefined_value_is_an_error(use: str, name: str) -> None:
    with pytest.raises(TemplateError, match=r"^<template>:1: undefined '"):
        render_text(FACTS, use.replace("x", name))


@pytest.mark.parametrize("name", ["tags.Nope", "nope", "nope.deep[0]['deeper'].x", "tags.items", "facts.nope.x"])
def test_default_works_at_any_depth_of_undefined_keys(name: str) -> None:
    source = f"{{{{ {name} | default('-') }}}} {{{{ {name} is defined }}}}"

    assert render_text(FACTS, source) == "- False"


@pytest.mark.parametrize("name", [name for name, attribute in attributes(EC2Metadata).items() if attribute.withheld])
def test_error_about_a_withheld_fact_names_its_include_option(name: str) -> None:
    reason = f"included only with --include {name}"
    facts = {"collection": {"withheld": {attributes(EC2Metadata)[name].path: reason}, "unread": {}}}

    with pytest.raises(TemplateError) as caught:
        render_text(facts, f"{{{{ {name} }}}}")

    assert str(caught.value) == f"<template>:1: {name!r} is withheld: {reason}"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("iam_security_credentials.AccessKeyId", "is withheld: included only with --include iam_security_credentials"),
        ("meta_data.iam['security-credentials']['role']", "is withheld: included only with --include"),
        ("meta_data['local-ipv4']", "is unread: meta-data/local-ipv4: HTTP 500"),
        ("private_ipv4", "is unread: meta-data/local-ipv4: HTTP 500"),
        ("tags.Owner", "is unread: meta-data/tags/instance/Owner: timed out"),
        (f"network_interfaces['{MAC}'].subnet_id", f"/{MAC}/subnet-id: HTTP 503"),
        ("(network_interfaces.values() | first).subnet_id", f"/{MAC}/subnet-id: HTTP 503"),
    ],
)
def test_error_about_a_withheld_or_unread_fact_names_the_reason(source: str, message: str) -> None:
    with pytest.raises(TemplateError) as caught:
        render_text(FACTS, f"{{{{ {source} }}}}")

    assert message in str(caught.value)
    assert "undefined" not in str(caught.value)


def test_fact_in_an_unread_directory_is_unread() -> None:
    facts = {"collection": {"withheld": {}, "unread": {"meta-data/": "HTTP 503"}}}

    with pytest.raises(TemplateError, match=r"'tags\.Name' is unread: meta-data/: HTTP 503"):
        render_text(facts, "{{ tags.Name }}")


def test_absent_fact_beside_an_unread_one_is_undefined() -> None:
    with pytest.raises(TemplateError, match=r"undefined 'tags\.Own'"):
        render_text(FACTS, "{{ tags.Own }}")
