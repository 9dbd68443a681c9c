"""Tests for every filter, and for the filters that Ansible also has."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any

import pytest
from jinja2.filters import FILTERS as JINJA_FILTERS

from ec2facts.errors import TemplateError
from ec2facts.render.filters.registry import FILTERS, Example, examples
from ec2facts.render.template.environment import render_text

ANSIBLE = [
    *("to_json", "to_nice_json", "from_json", "to_yaml", "to_nice_yaml", "from_yaml", "b64encode", "b64decode"),
    *("quote", "shell_quote", "regex_replace", "regex_search", "regex_findall", "regex_escape", "comment", "hash"),
    *("combine", "dict2items", "items2dict", "flatten", "mandatory", "ternary", "bool"),
    *("splitext", "basename", "dirname", "split", "union", "intersect", "difference", "symmetric_difference", "unique"),
    *("random", "zip", "extract", "urlsplit", "path_join", "to_uuid", "password_hash"),
]

SECRET = "hunter2"

every_filter = pytest.mark.parametrize("example", examples(), ids=lambda example: example.name)


@every_filter
def test_documented_example_of_a_filter_prints_its_output(example: Example) -> None:
    assert render_text({}, example.template).rstrip("\n") == example.output


@every_filter
def test_documented_example_uses_its_filter(example: Example) -> None:
    names = {name for name, function in FILTERS.items() if function is FILTERS[example.name]}

    assert names & set(re.findall(r"\| (\w+)", example.template))


@every_filter
def test_documentation_of_a_filter_begins_with_one_sentence(example: Example) -> None:
    assert re.fullmatch(r"[A-Z][^\n]+\.", example.sentence)


@every_filter
def test_documented_call_names_every_argument(example: Example) -> None:
    _, *arguments = inspect.signature(FILTERS[example.name]).parameters

    assert example.call.partition("(")[0] == example.name
    assert [argument for argument in arguments if not re.search(rf"\b{argument}\b", example.call)] == []


@every_filter
def test_filter_reports_an_undefined_value_as_undefined(example: Example) -> None:
    _, *others = inspect.signature(FILTERS[example.name]).parameters.values()
    required = [other for other in others if other.default is other.empty and other.kind is other.POSITIONAL_OR_KEYWORD]
    call = f"{example.name}({', '.join(repr('sh') for _ in required)})"

    with pytest.raises(TemplateError, match=r"<template>:1: undefined 'tags\.Nmae' \(did you mean 'tags\.Name'"):
        render_text({"tags": {"Name": "a"}}, f"{{{{ tags.Nmae | {call} }}}}")


@pytest.mark.parametrize("function", FILTERS.values(), ids=FILTERS)
def test_filter_error_never_holds_the_value(function: Callable[..., Any]) -> None:
    values = [f"{SECRET}\0%\n", f"{SECRET}\ud800", {SECRET: range}, f'"\\\u2603{SECRET}', "[\u2603: *\u2603", "%\u2603"]
    arguments: list[tuple[Any, ...]] = [(), ("x",), ("sh", "x"), ("ascii",), (2,)]

    said = "".join(refusal(function, value, *each) for value in values for each in arguments)

    assert not re.search(rf"{SECRET}|\u2603|\\u2603", said)


def refusal(function: Callable[..., Any], *arguments: Any) -> str:
    try:
        function(*arguments)
    except (LookupError, TypeError, ValueError) as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    "value", ["none", "[none]", "[[1]]", "{'a': none}", "{'a': [1]}", "[tags.Nope]", "[['a', {}]]"]
)
@pytest.mark.parametrize("name", sorted({*JINJA_FILTERS} - {"tojson", "pprint"}))
def test_no_jinja_filter_prints_a_list_a_mapping_or_none(name: str, value: str) -> None:
    uses = [f"{value} | {name}{arguments}" for arguments in ["", "('a')", "('a', 'b')", "(1)"]]
    uses += [f"'a' | {name}({arguments})" for arguments in [value, f"'a', {value}", f"{value}, 'a'"]]

    printed = [rendered_or_refused(f"{{{{ {use} }}}}") for use in uses]

    assert not re.search(r"none|undefined|[\[{]|%5B|%7B", " ".join(printed), re.IGNORECASE)


def rendered_or_refused(template: str) -> str:
    try:
        return render_text({"tags": {}}, template)
    except TemplateError:
        return ""


@pytest.mark.parametrize(
    ("expression", "printed"),
    [
        ("7 | string | center(3) ~ true | lower", " 7 true"),
        ("'<' | e | e", "&lt;"),
        ("'<b>x</b>' | striptags | upper | indent(2, true)", "  X"),
        ("'a.b' | replace('.', 1)", "a1b"),
        ("'%s-%02d' | format('a', 5)", "a-05"),
        ("'%(a)s' | format(a='b')", "b"),
        ("[1, 2.5, 'a', true] | join('-')", "1-2.5-a-True"),
        ("[{'a': {'b': 1}}, {'a': {'b': 2}}] | join(',', 'a.b')", "1,2"),
        ("'a b/c' | urlencode", "a%20b/c"),
        ("{'a b': 1, 'c': '&'} | urlencode", "a+b=1&c=%26"),
        ("[('a', 1), ('b', 2)] | urlencode", "a=1&b=2"),
        ("{'a': 1, 'b': none} | xmlattr", ' a="1"'),
        ("1000000 | filesizeformat", "1.0 MB"),
        ("{'a': [none]} | pprint", "{'a': [None]}"),
        ("'a b' | wordcount", "2"),
        ("{'b': {'c': nope}, 'a': 1} | dictsort | map('first') | join", "ab"),
        ("'%(given)s' | format(given='a')", "a"),
    ],
)
def test_strict_filter_prints_the_output_of_the_jinja_filter(expression: str, printed: str) -> None:
    assert render_text({}, f"{{{{ {expression} }}}}") == printed


@pytest.mark.parametrize("name", sorted({*JINJA_FILTERS} - {"d", "default", "attr"}))
def test_jinja_filter_reports_an_undefined_value_as_undefined(name: str) -> None:
    arguments = {"batch": "(2)", "slice": "(2)", "groupby": "('a')", "replace": "('a', 'b')"}

    with pytest.raises(TemplateError, match=r"undefined 'tags\.Nope'"):
        render_text({"tags": {}}, f"{{{{ tags.Nope | {name}{arguments.get(name, '')} | list | to_json }}}}")


@pytest.mark.parametrize("name", ANSIBLE)
def test_ansible_filter_is_available(name: str) -> None:
    assert name in FILTERS


@pytest.mark.parametrize(
    ("expression", "printed"),
    [
        ("'<a & b>' | tojson", '"<a & b>"'),
        ("('<' | tojson) + '<'", '"<"<'),
        ("{'b': 1, 'a': 'é'} | tojson(indent=1)", '{\n "a": "é",\n "b": 1\n}'),
        (r"'\ud800' | to_json", r'"\ud800"'),
        ("{'id': '012345678901', 'e': '1e3'} | to_yaml", "id: '012345678901'\ne: '1e3'\n"),
        ("'word' | to_yaml", "word\n"),
        ("('a: 1' | from_yaml).a + 1", "2"),
        ("'YQ\n==' | b64decode", "a"),
        ("'a' | hash", "86f7e437faa5a7fce15d1ddcb9eaeaea377667b8"),
        ("'OFF' | bool | yesno", "no"),
        ("'maybe' | bool", "False"),
        ("none | bool", "False"),
        ("[1] | bool", "False"),
        ("1 | bool", "True"),
        ("range(9) | list | shuffle(seed=7) | join", "167408325"),
        ("'abc' | shuffle | sort | join", "abc"),
        ("1 | bool | onoff", "on"),
        ("none | ternary('a', 'b', 'c')", "c"),
        ("none | ternary('a', 'b')", "b"),
        ("'eu-west-1a' | regex_replace('(\\\\w+)-(\\\\w+)', '\\\\2-\\\\1', count=1)", "west-eu-1a"),
        ("'AbC' | regex_replace('b', '_', ignorecase=true)", "A_C"),
        ("'ab' | regex_search('(a)(?P<n>b)', '\\\\1', '\\\\g<n>') | join('+')", "a+b"),
        ("'web-1' | matching('[a-z0-9-]+')", "web-1"),
        ("'a\nb' | regex_findall('^.', multiline=true) | join", "ab"),
        ("('x' | regex_search('y')) is none", "True"),
        ("{'a': {'b': 1}} | combine({'a': {'c': 2}}) | to_json", '{"a": {"c": 2}}'),
        ("{'a': {'b': 1}} | combine({'a': {'c': 2}}, recursive=true) | to_json", '{"a": {"b": 1, "c": 2}}'),
        ("{'a': 1} | dict2items('k', 'v') | to_json", '[{"k": "a", "v": 1}]'),
        ("[{'k': 'a', 'v': 1}] | items2dict('k', 'v') | to_json", '{"a": 1}'),
        ("[1, [2, [3]]] | flatten(1) | to_json", "[1, 2, [3]]"),
        ("'a\nb' | comment('c')", "//\n// a\n// b\n//"),
        ("'web-1' | regex_replace('[0-9]')", "web-"),
        ("'AbC' | regex_replace('b', '_', true)", "A_C"),
        ("'a\nb' | regex_findall('^.', true) | join", "ab"),
        (
            "{'b': 1, 'a': 'é'} | to_json(sort_keys=false, ensure_ascii=true, separators=(',', ':'))",
            r'{"b":1,"a":"\u00e9"}',
        ),
        ("{'b': 1, 'a': 2} | to_yaml(sort_keys=true)", "a: 2\nb: 1\n"),
        ("'a: 2020-01-01' | from_yaml | to_json", '{"a": "2020-01-01"}'),
        ("{'a': [1]} | combine({'a': [2]}, list_merge='append') | to_json", '{"a": [1, 2]}'),
        ("{'a': [1]} | combine({'a': [2]}, list_merge='prepend') | to_json", '{"a": [2, 1]}'),
        ("{'a': [1]} | combine({'a': [2]}, list_merge='keep') | to_json", '{"a": [1]}'),
        (
            "{'a': {'b': [1]}} | combine({'a': {'b': [2]}}, recursive=true, list_merge='append') | to_json",
            '{"a": {"b": [1, 2]}}',
        ),
        ("[{'a': 1}, {'b': 2}] | combine([{'a': 3}]) | to_json", '{"a": 3, "b": 2}'),
        ("[1, [none]] | flatten(skip_nulls=false) | to_json", "[1, null]"),
        ("[1, [2, [none]]] | flatten(1, false) | to_json", "[1, 2, [null]]"),
        ("['b', 'a'] | map('upper') | union(('B',)) | to_json", '["B", "A"]'),
        ("['a', 'A'] | union([]) | to_json", '["a", "A"]'),
        ("{'a': 1}.keys() | union({'b': 2}.keys()) | to_json", '["a", "b"]'),
        ("[1, 2, 2, {}] | symmetric_difference([2, 3, 3, []]) | to_json", "[1, {}, 3, []]"),
        ("['b', 'a', 'B', 'b'] | unique | to_json", '["b", "a"]'),
        ("['b', 'a', 'B', 'b'] | unique(true) | to_json", '["b", "a", "B"]'),
        ("[[1], {'a': 1}, [1], {'a': 1}] | unique | to_json", '[[1], {"a": 1}]'),
        ("[{'a': {'b': 'x'}}, {'a': {'b': 'X'}}] | unique(attribute='a.b') | to_json", '[{"a": {"b": "x"}}]'),
        ("[['a', 1], ['b', 1]] | unique(attribute=1) | to_json", '[["a", 1]]'),
        ("[1, 2, 3] | zip(['a', 'b'], range(9)) | to_json", '[[1, "a", 0], [2, "b", 1]]'),
        ("'a' | extract({'a': {'b': [1, 2]}}, ['b', 1])", "2"),
        ("'a' | extract({'a': {'b': 3}}, 'b')", "3"),
        ("1 | extract(['a', 'b'])", "b"),
        # Ansible's results.
        ("60 | random(seed='i-1234567890abcdef0')", "16"),
        ("[1, 2, 3, 4, 5, 6] | random(seed='x')", "6"),
        ("100 | random(10, 5, 'y')", "40"),
        ("1 | random", "0"),
        ("['a'] | random", "a"),
        ("'https://u:p@example.com/x?y=1#z' | urlsplit | dictsort | map('join', '=') | first", "fragment=z"),
        ("'https://u:p@[2001:db8::1]/x' | urlsplit('hostname')", "2001:db8::1"),
        ("('example.com' | urlsplit('port')) is none", "True"),
        ("['a', '/b', 'c'] | path_join", "/b/c"),
        ("'/a' | path_join", "/a"),
        ("'i-1234567890abcdef0' | to_uuid", "42cdd83b-9ff5-56ac-9567-d3fe19352075"),
        ("'a' | to_uuid('6ba7b810-9dad-11d1-80b4-00c04fd430c8')", "4f3f2898-69e3-5a0d-820a-c4e87987dbce"),
        ("'>>>??' | b64encode(urlsafe=true)", "Pj4-Pz8="),
        ("'Pj4-Pz8=' | b64decode(urlsafe=true)", ">>>??"),
        ("{'b': 1, 'a': 2} | to_nice_json(1, false, separators=(',', ':'))", '{\n "b":1,\n "a":2\n}'),
        (
            "{'b': 'x y', 'a': 2} | to_yaml(width=3, default_flow_style=false, explicit_start=true)",
            "---\nb: 'x y'\na: 2\n",
        ),
        ("{'a': {'b': 1}} | to_nice_yaml(indent=2, width=1000, default_flow_style=none)", "a:\n  b: 1\n"),
        (r"'ab' | regex_search(regex='(a)(c)?', ignorecase=true)", "a"),
        (r"'ab' | regex_search('(a)(c)?', '\\2', '\\0') | to_json", '[null, "a"]'),
        (r"'ab' | regex_findall(regex='[ab]') | join('+')", "a+b"),
        (r"'a b' | regex_replace('(\\w) (\\w)', '\\2\t\\g<1>')", "b\ta"),
        ("[1, 2, 1] | union([{}, {}, 2]) | to_json", "[1, 2, {}]"),
        ("[1, 2, 1, {}] | intersect([{}, 1]) | to_json", "[1, {}]"),
        ("[1, 2, 1, {}] | difference([2]) | to_json", "[1, {}]"),
        ("' a  b ' | split | join('+')", "a+b"),
        ("'a=b=c' | split('=', 1) | last", "b=c"),
        ("'a' | comment(prefix='####', postfix='')", "####\n# a"),
        ("'a' | comment(prefix='', postfix='')", "# a"),
        ("'a' | comment('plain', beginning='---', end='===')", "---\n#\n# a\n#\n==="),
        ("'a' | comment('cblock', beginning='/**', prefix='', postfix='')", "/**\n * a\n */"),
        ("true | env_line('sh', 'X')", "X='true'"),
        ("'a' | comment('cblock')", "/*\n *\n * a\n *\n */"),
        ("'a' | comment('xml')", "<!--\n -\n - a\n -\n-->"),
        ("'a\n\nb' | comment(decoration='; ')", ";\n; a\n;\n; b\n;"),
        (r"'a\\\x1b[2J\u202e\n' | visible", r"a\\\x1b[2J\u202e\n"),
    ],
)
def test_filter_prints(expression: str, printed: str) -> None:
    assert render_text({}, f"{{{{ {expression} }}}}") == printed


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("nan | to_json", "JSON cannot hold NaN"),
        ("[range] | to_json", "cannot be printed"),
        ("[range] | to_yaml", "YAML cannot hold the value"),
        ("'{' | from_json", "not JSON: error at line 1, column 2"),
        ("'{' | from_yaml", "not YAML"),
        ("'a: 2020-99-01' | from_yaml", "not YAML"),
        ("'[&a [], *a]' | from_yaml", "YAML with an alias is refused"),
        ("'é' | b64encode('ascii')", "ascii cannot hold the text"),
        ("'%q' | format(1)", "the format does not match its arguments"),
        ("{'a b': 1} | xmlattr", "an attribute name cannot hold"),
        ("('a' * 40) | regex_search('(a+)+b')", "the regular expression takes more than 1 s"),
        ("'a' | b64decode", "not base64"),
        ("'/w==' | b64decode", "not a text in utf-8"),
        ("'a' | hash('sha3.14')", "no hashtype 'sha3.14', choose from "),
        ("'maybe' | onoff", "not a boolean"),
        ("[1] | combine({})", "not a mapping"),
        ("'a' | combine({})", "not a mapping"),
        ("['a'] | items2dict", "not a mapping"),
        ("'ab' | items2dict", r"not a list; use \|split"),
        ("'ab' | flatten", r"not a list; use \|split"),
        ("'ab' | union([])", r"not a list; use \|split"),
        ("[] | union('ab')", r"not a list; use \|split"),
        ("[] | intersect('ab')", r"not a list; use \|split"),
        ("[] | difference('ab')", r"not a list; use \|split"),
        ("'ab' | symmetric_difference([])", r"not a list; use \|split"),
        ("'ab' | unique", r"not a list; use \|split"),
        ("'ab' | random", r"not a list; use \|split"),
        ("[] | zip('ab')", r"not a list; use \|split"),
        ("{} | union([])", "not a list$"),
        ("none | flatten", "not a list$"),
        ("[] | random", "nothing to choose from"),
        ("0 | random", "nothing to choose from"),
        ("[1] | random(1)", "start and step are for numbers"),
        ("9 | random(seed=[])", "a list cannot be printed"),
        ("'a' | extract({})", "no such key or position"),
        ("3 | extract([])", "no such key or position"),
        ("[{'a': 1}] | unique(attribute='b')", "no such key or position"),
        ("'http://x:y' | urlsplit", "not a URL"),
        ("'http://x' | urlsplit('host')", "no part 'host', choose from scheme, "),
        ("'a' | to_uuid('b')", "the namespace is not a UUID"),
        ("['a', none] | path_join", "None cannot be printed"),
        ("[1] | to_yaml(default_flow_style=true)", "written in block style"),
        ("['a'] | map('upper') | to_yaml", r"YAML cannot hold the value; use \|list first"),
        ("{'a': {}.values()} | to_nice_yaml", r"YAML cannot hold the value; use \|list first"),
        (r"'a' | regex_search('\bx')", "write each backslash twice"),
        (r"'a' | regex_replace('(a)', '\1')", "write each backslash twice"),
        (r"'a' | matching('(a)\1')", "write each backslash twice"),
        (r"'a' | regex_search('(a)', '\1')", "a group is"),
        (r"'a' | regex_search('(a)', 'x')", r"a group is \\\\1 or"),
        (r"'a' | regex_search('(a)', '\\2')", r"lacks one of the groups \\2"),
        (r"'a' | regex_search('(a)', '\\g<b>')", r"lacks one of the groups \\g<b>"),
        ("') x' | comment('plain', beginning='(*', end=' *)', decoration='*')", r"cannot hold \*\)"),
        ("'hunter2' | filesizeformat", "not a number$"),
        ("'a' | regex_search('(')", "invalid regular expression"),
        ("'a' | matching('(')", "invalid regular expression"),
        ("'web\\n' | matching('[a-z]+')", r"does not match '\[a-z\]\+'"),
        ("'ab' | matching('a|ab?c')", "does not match"),
        ("'a' | comment('rem')", "no style 'rem'"),
        ("'a*/b' | comment('cblock')", r"cannot hold \*/"),
        ("'a-->b' | comment('xml')", "cannot hold --"),
        ("'/x' | comment('cblock', decoration='*')", r"cannot hold \*/"),
        ("'-> <b>' | comment('xml', decoration='-')", "cannot hold --"),
        ("'x' | comment('cblock', prefix='*/ x')", r"cannot hold \*/"),
        (r"'x' | regex_replace('x', 'C:\\q')", r"invalid replacement: "),
        (r"'x' | regex_replace('x', '\\1')", "invalid replacement: no such group"),
        ("'[NaN]' | from_json", "JSON has no NaN"),
        ("[{'key': 'a'}] | items2dict", "an item has no 'value'"),
        ("{} | combine({}, list_merge='zip')", "no list_merge 'zip'"),
        ("'a b' | matching('[a-z]', 'the tag Backends is wrong')", r":1: \|matching: the tag Backends is wrong$"),
        ("' a' | header_value('X-Instance-Name')", "X-Instance-Name cannot hold"),
        ("'abc' | truncate(2)", "AssertionError"),
        ("'a' | to_jsn", r"no filter named 'to_jsn' \(did you mean 'to_json'\?\)"),
        ("'a' is matched", r"no test named 'matched' \(did you mean 'match'\?\)"),
        (r"'a\rrm -rf' | comment", "line break"),
        ("nope | mandatory('tag the instance')", "tag the instance"),
    ],
)
def test_filter_refuses(expression: str, reason: str) -> None:
    with pytest.raises(TemplateError, match=reason):
        render_text({"nan": float("nan")}, f"{{{{ {expression} }}}}")


def test_random_without_a_seed_differs_each_time() -> None:
    numbers = render_text({}, "{% for n in range(9) %}{{ 1000000 | random }} {% endfor %}").split()

    assert len(set(numbers)) > 1


def test_combine_does_not_change_its_arguments() -> None:
    tags = {"a": {"b": 1}}

    FILTERS["combine"](tags, {"a": {"c": 2}}, recursive=True)

    assert tags == {"a": {"b": 1}}
