"""User-defined variables: lookup in templates, reserved names, declarations in shipped templates."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from jinja2.defaults import DEFAULT_NAMESPACE

from ec2facts import instances
from ec2facts.collection.facts import facts
from ec2facts.errors import TemplateError, UsageError
from ec2facts.render.template.environment import evaluate, render_template, render_text
from ec2facts.render.template.search import packaged_templates
from ec2facts.render.template.variables import (
    ITEM_NAMES,
    Variable,
    check_declared,
    check_names,
    declared_variables,
    reserved_names,
)

FACTS: dict[str, Any] = {"region": "eu-west-1", "tags": {"Name": "web"}}

DECLARING = """\
{#- One sentence. Checked by: nobody -#}
{#- var port: The port of the health check. Default: 8080 -#}
{#- var log_file: The log, if there is to be one. -#}
{# var ssl: Encrypt. Default: see Chapter 5. #}
{{ port | default(8080) }}
"""


def test_variable_is_seen_by_name_and_under_vars() -> None:
    printed = render_text(FACTS, "{{ port }} {{ vars.port }} {{ hosts.web }} {{ region }}", variables=variables())

    assert printed == "80 80 10.0.0.1 eu-west-1"


def variables() -> dict[str, Any]:
    return {"port": 80, "hosts": {"web": "10.0.0.1"}}


def test_vars_is_empty_without_variables() -> None:
    assert render_text(FACTS, "{{ vars | length }} {{ vars.port | default('-') }}") == "0 -"


def test_imported_macro_sees_variables(tmp_path: Path) -> None:
    (tmp_path / "macros.j2").write_text("{% macro port_() %}{{ port }}{% endmacro %}")
    (tmp_path / "a.j2").write_text("{% from 'macros.j2' import port_ %}{{ port_() }}")

    assert render_template(FACTS, tmp_path / "a.j2", variables={"port": 80}) == "80"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("{{ prot }}", "undefined 'prot' (did you mean 'port'?)"),
        ("{{ vars.prot }}", "undefined 'vars.prot' (did you mean 'vars.port'?)"),
        ("{{ hosts.webb }}", "undefined 'hosts.webb' (did you mean 'hosts.web'?)"),
        ("{{ hosts.web | dns_name }}", "|dns_name of hosts.web: "),
    ],
)
def test_error_names_variables(source: str, message: str) -> None:
    with pytest.raises(TemplateError) as caught:
        render_text(FACTS, source, variables=variables())

    assert str(caught.value).startswith(f"<template>:1: {message}")


@pytest.mark.parametrize(
    "name", ["region", "tags", "facts", "vars", "meta_data", "dynamic", "collection", "range", "loop", "omit"]
)
def test_reserved_name_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match=f"variable '{name}': the name is reserved for "):
        render_text({}, "", variables={name: 1})


def test_every_template_keyword_is_reserved() -> None:
    keys = {key for name in instances.names() for key in facts(instances.load(name))}

    assert reserved_names() >= {*keys, *DEFAULT_NAMESPACE, *ITEM_NAMES}


@pytest.mark.parametrize("name", ["item", "key"])
def test_for_each_names_are_reserved_only_for_users(name: str) -> None:
    with pytest.raises(UsageError, match=f"'{name}'"):
        check_names([name])

    assert render_text({}, f"{{{{ {name} }}}}", variables={name: "a"}) == "a"


@pytest.mark.parametrize("name", ["a-b", "1a", "", "a b", 1, None])
def test_invalid_name_is_refused(name: Any) -> None:
    with pytest.raises(UsageError, match="a name has letters, digits and _"):
        render_text({}, "", variables={name: 1})


def test_declarations_are_parsed() -> None:
    assert declared_variables(DECLARING) == [
        Variable("port", "The port of the health check.", "8080"),
        Variable("log_file", "The log, if there is to be one.", None),
        Variable("ssl", "Encrypt.", "see Chapter 5."),
    ]


def test_declarations_are_not_printed() -> None:
    assert render_text({}, DECLARING) == "8080\n"


@pytest.mark.parametrize(
    ("name", "advice"), [("prot", " (did you mean 'port'?)"), ("zzz", "; it has port, log_file, ssl")]
)
def test_undeclared_variable_is_refused(name: str, advice: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_declared({"port": 1, "item": 1, name: 1}, DECLARING, "a.j2")

    assert str(caught.value) == f"template a.j2 has no variable {name!r}{advice}"


def test_shipped_template_refuses_a_variable_that_it_does_not_declare() -> None:
    with pytest.raises(UsageError, match=r"^template motd\.j2 has no variable 'zzz'"):
        render_template({}, "motd", variables={"zzz": 1}, search_path=[packaged_templates()])


def test_user_template_accepts_any_variable(tmp_path: Path) -> None:
    (tmp_path / "a.j2").write_text("a")

    assert render_template({}, tmp_path / "a.j2", variables={"zzz": 1}) == "a"


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("port + 1", 81),
        ("hosts", {"web": "10.0.0.1"}),
        ("tags.Nope is defined", False),
        ("'-' ~ region", "-eu-west-1"),
        ("tags.items() | list", [["Name", "web"]]),
    ],
)
def test_expression_is_evaluated(expression: str, value: object) -> None:
    assert evaluate(FACTS, expression, variables=variables()) == value


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("tags.Nmae", "undefined 'tags.Nmae' (did you mean 'tags.Name'?)"),
        ("[prot]", "undefined 'prot' (did you mean 'port'?)"),
        ("'a' ~ none", "None cannot be printed"),
        ("port +", "unexpected 'end of template'"),
        ("port) + (1", "unexpected ')'"),
        ("port port", "unexpected 'port' after the expression"),
        ("port | nope", "no filter named 'nope'"),
    ],
)
def test_error_names_the_expression(expression: str, message: str) -> None:
    with pytest.raises(TemplateError) as caught:
        evaluate(FACTS, expression, variables=variables(), name="for_each")

    assert str(caught.value).startswith("for_each:")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("source", "printed"),
    [
        ("{% set l = [] %}{% for n in [1, 2] %}{% do l.append(n) %}{% endfor %}{{ l | join }}", "12"),
        ("{% set l = [1] %}{% do l.extend([2, 3]) %}{% do l.insert(0, 0) %}{{ l | join }}", "0123"),
        ("{% set d = {} %}{% do d.update({'a': 1}) %}{{ d.a }}{{ d.pop('a') }}{{ d | length }}", "110"),
        ("{% set _ = ports.append(3) %}{{ ports | join }} {{ vars.ports | join }}", "123 123"),
        ("{% do hosts.web.update({'b': 2}) %}{{ hosts | to_json }}", '{"web": {"a": 1, "b": 2}}'),
        ("{% set copy = dict(tags) %}{% do copy.update({'a': 'b'}) %}{{ copy | length }}{{ tags | length }}", "21"),
        ("{% set l = tags.values() | list %}{% do l.append('x') %}{{ l | join('-') }}", "web-x"),
        ("{{ dict.fromkeys('ab', 1) | to_json }}", '{"a": 1, "b": 1}'),
    ],
)
def test_template_changes_its_own_values_and_its_variables(source: str, printed: str) -> None:
    given = {"ports": [1, 2], "hosts": {"web": {"a": 1}}}

    assert render_text(FACTS, source, variables=given) == printed
    assert given == {"ports": [1, 2], "hosts": {"web": {"a": 1}}}


@pytest.mark.parametrize(
    "change",
    [
        "tags.update({'a': 'b'})",
        "facts.tags.clear()",
        "facts.update({'a': 'b'})",
        "(facts.values() | list | last).pop('Name')",
        "(tags | default({})).setdefault('a', 'b')",
        "groups.append('x')",
        "(groups | default([])).sort()",
        "dict.update(tags, {'a': 'b'})",
        "tags.__setitem__('a', 'b')",
        "[tags] | map('update', {'a': 'b'}) | list",
    ],
)
def test_template_cannot_change_facts(change: str) -> None:
    given: dict[str, Any] = {"groups": ["a"], "tags": {"Name": "web"}}

    with pytest.raises(TemplateError, match=r"would change the facts|unsafe|undefined|no filter"):
        render_text(given, f"{{% do {change} %}}")

    assert given == {"groups": ["a"], "tags": {"Name": "web"}}
