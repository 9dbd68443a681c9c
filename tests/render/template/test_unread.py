"""A template fails if it uses an unread value in any way, and renders otherwise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from jinja2.filters import FILTERS as JINJA_FILTERS
from jinja2.tests import TESTS as JINJA_TESTS

from ec2facts.collection.unread import Unread, without_unread
from ec2facts.errors import TemplateError, UnreadFactError
from ec2facts.render.filters.conditions import TESTS
from ec2facts.render.filters.registry import FILTERS
from ec2facts.render.template.environment import evaluate, render_template, render_text

OWNER = Unread("meta-data/tags/instance/Owner", "HTTP 503")
ADDRESS = Unread("meta-data/local-ipv4", "timed out")
FACTS: dict[str, Any] = {
    "instance_id": "i-0abc",
    "private_ipv4": ADDRESS,
    "tags": {"Name": "web", "Owner": OWNER},
    "network_interfaces": {"0e:49": {"device_number": 0, "subnet_id": Unread("x/subnet-id", "HTTP 500")}},
    "meta_data": {"tags": {"instance": {"Name": "web", "Owner": OWNER}}},
    "dynamic": {"a": "b"},
    "collection": {"withheld": {}, "unread": {OWNER.path: OWNER.reason, ADDRESS.path: ADDRESS.reason}},
}

ROUTES = [
    "{{ x }}",
    "{{ x | default('-') }}",
    "{{ x | d('-', true) }}",
    "{{ x is defined }}",
    "{{ x is undefined }}",
    "{{ x is none }}",
    "{% if x %}{% endif %}",
    "{{ 'a' if not x }}",
    "{{ x or 'a' }}",
    "{% for y in x %}{% endfor %}",
    "{{ x ~ 'a' }}",
    "{{ 'a' ~ x }}",
    "{{ x + 'a' }}",
    "{{ x == 'a' }}",
    "{{ 'a' == x }}",
    "{{ x in ['a'] }}",
    "{{ 'a' in x }}",
    "{{ 'a' in [x] }}",
    "{{ x.y | default('-') }}",
    "{{ x['y'] is defined }}",
    "{{ x.y() }}",
    "{{ x() }}",
    "{{ '%s' % x }}",
    "{{ '{}'.format(x) }}",
    "{{ [x] | to_json }}",
    "{{ {'a': [x]} | to_yaml }}",
    "{{ [x] | join }}",
    "{{ [x] | map('default', '-') | join }}",
    "{{ [x] | select('defined') | list | length }}",
    "{{ [x] | reject('none') | list | length }}",
    "{{ {x: 1} | length }}",
    "{% include x ignore missing %}",
    "{{ ['a'] is contains(x) }}",
    "{{ 'a' | matching(x) }}",
    "{{ 9 | random(seed=x) }}",
]

MAPPING_ROUTES = [
    "{{ tags | length }}",
    "{{ tags == {} }}",
    "{% if tags %}{% endif %}",
    "{% for key in tags %}{% endfor %}",
    "{% for key, value in tags.items() %}{% endfor %}",
    "{{ tags.keys() | list | length }}",
    "{{ tags.values() | first }}",
    "{{ tags.items() | length }}",
    "{{ tags | dictsort | length }}",
    "{{ tags | dict2items | length }}",
    *(["{{ tags | items | list | length }}"] if "items" in JINJA_FILTERS else []),  # since Jinja 3.1
    "{{ tags | combine({'Owner': 'me'}) | length }}",
    "{{ dict(tags) | length }}",
    "{{ tags | list | length }}",
    "{{ tags | to_json }}",
    "{{ tags | to_nice_json }}",
    "{{ tags | to_yaml }}",
    "{{ [tags] | to_json }}",
    "{{ tags | pprint }}",
    "{{ tags | urlencode }}",
    "{{ tags.Owner | default('-') }}",
    "{{ tags['Owner'] is defined }}",
    "{{ tags.get('Owner', '-') }}",
    "{{ tags | attr('Owner') | default('-') }}",
    "{{ 'Owner' in tags }}",
    "{{ tags is contains('Owner') }}",
    "{{ [tags] | map(attribute='Owner', default='-') | join }}",
    "{{ [tags] | selectattr('Owner', 'defined') | list | length }}",
    "{{ [tags] | groupby('Owner', default='-') | length }}",
    "{{ 'Owner' | extract(tags) }}",
    "{{ '%(Owner)s' % tags }}",
    "{{ '{Owner}'.format_map(tags) }}",
    "{{ '{t[Owner]}'.format(t=tags) }}",
]


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize(
    ("name", "marker"),
    [
        ("private_ipv4", ADDRESS),
        ("facts.private_ipv4", ADDRESS),
        ("tags.Owner", OWNER),
        ("meta_data.tags.instance.Owner", OWNER),
    ],
)
def test_use_of_an_unread_value_fails(route: str, name: str, marker: Unread) -> None:
    with pytest.raises(UnreadFactError) as caught:
        render_text(FACTS, route.replace("x", name))

    dotted = name.replace("facts.", "")
    assert str(caught.value) == f"<template>:1: {dotted!r} is unread: {marker.path}: {marker.reason}"
    assert caught.value.unread == {marker.path: marker.reason}
    assert caught.value.exit_status == 4


@pytest.mark.parametrize("source", MAPPING_ROUTES)
def test_use_of_a_whole_mapping_fails_if_one_value_is_unread(source: str) -> None:
    with pytest.raises(
        UnreadFactError, match=r"^<template>:1: 'tags\.Owner' is unread: meta-data/tags/instance/Owner: HTTP 503$"
    ):
        render_text(FACTS, source)


@pytest.mark.parametrize("name", sorted({*JINJA_FILTERS, *FILTERS}))
def test_every_filter_fails_on_an_unread_value(name: str) -> None:
    arguments = {
        **dict.fromkeys(("attr", "groupby", "matching", "regex_findall", "regex_replace", "regex_search"), "('a')"),
        **dict.fromkeys(("difference", "intersect", "symmetric_difference", "union"), "([])"),
        **dict.fromkeys(("batch", "cidr_host", "slice"), "(2)"),
        "env_line": "('sh', 'A')",
        "extract": "({})",
        "in_network": "('::/0')",
        "replace": "('a', 'b')",
        "ternary": "(1, 2)",
    }

    with pytest.raises(UnreadFactError):
        render_text(FACTS, f"{{{{ private_ipv4 | {name}{arguments.get(name, '')} | list | to_json }}}}")


@pytest.mark.parametrize("name", sorted({*JINJA_TESTS, *TESTS}))
def test_every_test_fails_on_an_unread_value(name: str) -> None:
    with pytest.raises(UnreadFactError):
        render_text(FACTS, f"{{{{ [private_ipv4] | select('{name}', 1) | list | length }}}}")


@pytest.mark.parametrize(
    "source", ["{{ facts | to_json }}", "{{ facts | length }}", "{{ network_interfaces | to_json }}"]
)
def test_dump_of_everything_fails(source: str) -> None:
    with pytest.raises(UnreadFactError):
        render_text(FACTS, source)


@pytest.mark.parametrize(
    ("source", "printed"),
    [
        ("{{ tags.Name }} {{ tags['Name'] }} {{ tags.get('Name') }}", "web web web"),
        ("{{ tags.Nope | default('-') }} {{ tags.Nope is defined }} {{ tags.get('Nope', '-') }}", "- False -"),
        ("{{ 'Name' in tags }} {{ 'Nope' in tags }}", "True False"),
        ("{{ tags is defined }} {{ (tags | default({})).Name }} {{ tags is mapping }}", "True web True"),
        ("{% if false %}{{ private_ipv4 }}{{ tags.Owner }}{% endif %}", ""),
        ("{% macro m() %}{{ private_ipv4 }}{% endmacro %}-", "-"),
        ("{{ true or private_ipv4 }}", "True"),
        ("{{ '%(instance_id)s' % facts }} {{ '{instance_id}'.format_map(facts) }}", "i-0abc i-0abc"),
        ("{% for mac, nic in network_interfaces.items() %}{{ mac }} {{ nic.device_number }}{% endfor %}", "0e:49 0"),
        ("{{ network_interfaces | length }} {{ network_interfaces.0.device_number }}", "1 0"),
        ("{{ dynamic | to_json }} {{ meta_data.tags.instance.Name }}", '{"a": "b"} web'),
        ("{{ collection.unread | length }}", "2"),
    ],
)
def test_template_that_uses_no_unread_value_renders(source: str, printed: str) -> None:
    assert render_text(FACTS, source) == printed


def test_error_about_an_undefined_name_beside_an_unread_one_has_a_suggestion() -> None:
    with pytest.raises(UnreadFactError):
        render_text(FACTS, "{{ tags.Owner }}")
    for source, meant in [("tags.Nam", "tags.Name"), ("instance_ip", "instance_id"), ("tags.Owne", "tags.Owner")]:
        message = refusal(f"{{{{ {source} }}}}")
        assert message == f"<template>:1: undefined {source!r} (did you mean {meant!r}?)"


def refusal(source: str) -> str:
    with pytest.raises(TemplateError) as caught:
        render_text(FACTS, source)
    return str(caught.value)


def test_error_names_the_file_and_its_callers(tmp_path: Path) -> None:
    (tmp_path / "inner.j2").write_text("\n{{ tags.Owner | default('-') }}")
    (tmp_path / "outer.j2").write_text("{% include 'inner.j2' %}")

    with pytest.raises(UnreadFactError) as caught:
        render_template(FACTS, tmp_path / "outer.j2")

    assert (caught.value.file, caught.value.line) == (f"{tmp_path}/inner.j2", 2)
    assert str(caught.value).endswith(f", reached from {tmp_path}/outer.j2:1")


def test_unread_value_in_stripped_facts_is_absent() -> None:
    facts = without_unread(FACTS)

    assert render_text(facts, "{{ tags.Owner | default('-') }} {{ tags | length }}") == "- 1"
    with pytest.raises(TemplateError, match=r"'tags\.Owner' is unread: meta-data/tags/instance/Owner: HTTP 503"):
        render_text(facts, "{{ tags.Owner }}")


def test_unread_item_of_a_list_fails_when_it_is_used() -> None:
    facts = {"values": ["a", OWNER]}

    assert render_text(facts, "{{ values[0] }} {{ values | length }}") == "a 2"
    with pytest.raises(UnreadFactError, match=r"'values\[1\]' is unread"):
        render_text(facts, "{{ values[1] | default('-') }}")


def test_expression_returns_the_markers_of_unused_values() -> None:
    assert evaluate(FACTS, "network_interfaces") == FACTS["network_interfaces"]
    with pytest.raises(UnreadFactError, match="'private_ipv4' is unread"):
        evaluate(FACTS, "private_ipv4")


def test_variable_can_hold_an_unread_value() -> None:
    item = evaluate(FACTS, "network_interfaces.0")

    assert render_text(FACTS, "{{ item.device_number }}", variables={"item": item}) == "0"
    with pytest.raises(UnreadFactError, match=r"'item\.subnet_id' is unread: x/subnet-id: HTTP 500"):
        render_text(FACTS, "{{ item.subnet_id | default }}", variables={"item": item})
