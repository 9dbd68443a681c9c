"""The output of templates, their refusals, and the locations in errors."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ec2facts.errors import TemplateError
from ec2facts.render.template.environment import render_template, render_text

FACTS: dict[str, Any] = {
    "instance_id": "i-0abc",
    "ami_launch_index": 0,
    "hibernation_configured": False,
    "security_groups": ["web", "ssh"],
    "tags": {"Name": "it's", "items": "of furniture", "keys": "of a piano", "a-b": "c"},
    "public_keys": {"laptop": {"openssh_key": "ssh-ed25519 A laptop\n"}},
    "kernel_id": None,
    "collection": {"withheld": {}, "unread": {}},
}

Write = Callable[[str, str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Return a function that writes a template under a name and returns its path."""

    def write(name: str, content: str) -> Path:
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(content.encode())
        return file

    return write


@pytest.mark.parametrize(
    ("source", "printed"),
    [
        ("{{ instance_id }} {{ facts.instance_id }}", "i-0abc i-0abc"),
        ("{{ ami_launch_index }} {{ hibernation_configured }} {{ 1.5 }}", "0 False 1.5"),
        ("{{ security_groups | join(',') }} {{ security_groups.1 }} {{ security_groups[-1] }}", "web,ssh ssh ssh"),
        ("{{ tags.items }}, {{ tags['keys'] }}, {{ tags['a-b'] }}", "of furniture, of a piano, c"),
        ("{% for key, value in tags | dictsort %}{{ key }}={{ value }} {% endfor %}",
         "a-b=c items=of furniture keys=of a piano Name=it's "),
        ("{% for name, key in public_keys.items() %}{{ name }}: {{ key.openssh_key }}{% endfor %}",
         "laptop: ssh-ed25519 A laptop\n"),
        ("{{ public_keys.keys() | first }} {{ public_keys.values() | length }} {{ public_keys.get('x', '-') }}",
         "laptop 1 -"),
        ("{{ public_keys.0.openssh_key }} {{ public_keys[1] is defined }} {{ public_keys[-1] is defined }}",
         "ssh-ed25519 A laptop\n False False"),
        ("{{ {'1': 'key', 'a': 'position'}.1 }}", "key"),
        ("{{ kernel_id | default('none', true) }}", "none"),
        ("{{ instance_id.upper() }}", "I-0ABC"),
        ("{{ tags.items() | length }} {{ tags.keys() | join(',') }} {{ tags.values() | first }}",
         "4 Name,items,keys,a-b it's"),
        ("{% macro call() %}called{% endmacro %}{{ {'items': call}.items() }}", "called"),
        ("{{ {'items': tags.Nope, 'a': 1}.items() | map('first') | join(',') }}", "items,a"),
        ("{% for n in [1, 2] %}{{ loop.cycle('a', 'b') }}{% endfor %}{% block c %}c{% endblock %}{{ self.c() }}",
         "abcc"),
        ("{% macro m() %}{{ caller('a') }}{% endmacro %}{% call(x) {'m': m}.m() %}{{ x }}{% endcall %}", "a"),
        ("{{ tags | attr('Name') }} {{ tags | attr('items') }}", "it's of furniture"),
        ("{{ instance_id ~ 1 ~ 1.5 ~ true ~ security_groups[0] }}", "i-0abc11.5Trueweb"),
        ("{{ '%s-%03d' % (instance_id, 7) }} {{ '%(instance_id)s' % facts }} {{ '%d%%' % 5 }} {{ 7 % 4 }}",
         "i-0abc-007 i-0abc 5% 3"),
        ("{{ '{} {x:>3} {y[Name]}'.format(instance_id, x=7, y=tags) }} {{ '{Name}'.format_map(tags) }}",
         "i-0abc   7 it's it's"),
        ("{% set n = namespace(x=0) %}{% for g in security_groups %}{% set n.x = n.x + 1 %}{% endfor %}{{ n.x }}", "2"),
        ("{% do [1] %}{% for group in security_groups %}{{ group }}{% break %}{% endfor %}", "web"),
        ("{{ '<&>' }}", "<&>"),
        ("{{ '{{ instance_id }}' }}", "{{ instance_id }}"),
    ],
)  # fmt: skip
def test_template_prints(source: str, printed: str) -> None:
    assert render_text(FACTS, source) == printed


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("{{ kernel_id }}", "None cannot be printed; give it a |default"),
        ("{{ none }}", "None cannot be printed"),
        (
            "{% for tag in tags %}{{ tag.value }}{% endfor %}",
            "the value is text and has no 'value' (a loop over a mapping yields its keys: use .values()",
        ),
        ("{{ tags }}", "a dict cannot be printed; look up a key, or use |to_json"),
        ("{{ security_groups }}", "a list cannot be printed; use |join"),
        ("{{ (1, 2) }}", "a tuple cannot be printed"),
        ("{{ security_groups | map('upper') }}", "a generator cannot be printed"),
        ("{{ 'a'.encode() }}", "a bytes cannot be printed"),
        ("{{ instance_id.upper }}", "a method or macro cannot be printed; call it"),
        ("{{ range }}", "cannot be printed; call it"),
        ("{{ public_keys.items }}", "undefined 'public_keys.items'"),
        (r"{{ '\ud800' }}", "lone surrogate"),
        ("{{ kernel_id ~ 'x' }}", "None cannot be printed"),
        ("{{ 'x' ~ tags ~ 'y' }}", "a dict cannot be printed"),
        ("{{ 'x' ~ (security_groups ~ 'y') }}", "a list cannot be printed"),
        ("{{ '%s' % kernel_id }}", "None cannot be printed"),
        ("{{ '%s %s' % (1, security_groups) }}", "a list cannot be printed"),
        ("{{ '%(tags)s' % facts }}", "a dict cannot be printed"),
        ("{{ '%s' % tags }}", "a dict cannot be printed"),
        ("{{ '{}'.format(kernel_id) }}", "None cannot be printed"),
        ("{{ '{x!s}'.format(x=security_groups) }}", "a list cannot be printed"),
        ("{{ '{tags}'.format_map(facts) }}", "a dict cannot be printed"),
        ("{{ '{0.__class__}'.format(1) }}", "access to attribute '__class__'"),
        ("{{ tags.Name() }}", "TypeError: "),
        ("{{ tags.nope() }}", "undefined 'tags.nope'"),
        ("{{ {'items': 1}.items }}{{ {}.items }}", "undefined 'items'"),
        ("{{ 1 / 0 }}", "ZeroDivisionError: "),
        ("{{ instance_id + 1 }}", "TypeError: "),
        ("{{ tags[{}] }}", "TypeError: "),
        ("{{ 'x' | nope }}", "no filter named 'nope'"),
        ("{% if %}", "Expected an expression"),
        ("{{ 'a", "unexpected char"),
        ("{% macro again() %}{{ again() }}{% endmacro %}{{ again() }}", "RecursionError"),
        ("{{ tags.update({}) }}", ".update() would change the facts; change a copy made with dict(…)"),
        ("{{ tags.pop('Name') }}", ".pop() would change the facts"),
        ("{# x", "Missing end of comment tag"),
        ("{% raw %}x", "Missing end of raw directive"),
        ("{{ security_groups.append(1) }}", ".append() would change the facts; change a copy made with |list"),
        ("{{ cycler.__init__.__globals__.os.popen('id') }}", "access to attribute '__init__'"),
        ("{{ ''.__class__.__mro__ }}", "access to attribute '__class__'"),
        ("{{ tags['__class__'] }}", "undefined"),
        ("{% for n in range(999999) %}{% endfor %}", "Range too big"),
    ],
)
def test_template_refuses(source: str, reason: str) -> None:
    with pytest.raises(TemplateError) as caught:
        render_text(FACTS, source)

    assert reason in str(caught.value)
    assert str(caught.value).startswith("<template>:1: ")
    assert "\n" not in str(caught.value)


def test_text_is_printed_unchanged_except_tag_lines() -> None:
    source = "a\n  {% if true %}\n  b\n  {% endif %}\n\n  c {# d #}\n"

    assert render_text(FACTS, source) == "a\n  b\n\n  c \n"
    assert render_text(FACTS, source, trim_blocks=True) == "a\n  b\n\n  c "
    assert render_text(FACTS, source, trim_blocks=False) == "a\n\n  b\n\n\n  c \n"
    assert render_text(FACTS, source, lstrip_blocks=False) == "a\n    b\n  \n  c \n"


def test_newline_sequence_replaces_the_newlines_of_the_template() -> None:
    assert render_text(FACTS, "a\r\nb\nc\r") == "a\nb\nc\n"
    assert render_text(FACTS, "a\nb\n", newline_sequence="\r\n") == "a\r\nb\r\n"


def test_newlines_of_values_are_unchanged() -> None:
    assert render_text({"a": "1\r2\r\n3\n"}, "{{ a }}", newline_sequence="\r\n") == "1\r2\r\n3\n"


@pytest.mark.parametrize(
    ("header", "printed"),
    [
        ("#jinja2: trim_blocks: false", "\n  a\n\n"),
        ("#jinja2:lstrip_blocks:False", "    a\n  "),
        ('#jinja2: newline_sequence: "\\r\\n"', "  a\r\n"),
        ("#jinja2: trim_blocks: False, newline_sequence: '\\r\\n'\r", "\r\n  a\r\n\r\n"),
        ("#jinja2: trim_blocks: true", "  a\n"),
        ("#jinja2: variable_start_string: '[[', variable_end_string: ']]'", "  a\n"),
    ],
)
def test_header_sets_options_and_is_not_printed(header: str, printed: str) -> None:
    assert render_text(FACTS, f"{header}\n  {{% if true %}}\n  a\n  {{% endif %}}\n") == printed


@pytest.mark.parametrize("header", ["autoescape: true", "trim_blocks", "trim_blocks: \\n", "newline_sequence: x", ""])
def test_invalid_header_is_an_error(header: str) -> None:
    with pytest.raises(TemplateError, match=r"^<template>:1: the header takes trim_blocks: true or false; "):
        render_text(FACTS, f"#jinja2: {header}\n")


def test_header_sets_the_delimiters_of_ansible() -> None:
    header = (
        "#jinja2: block_start_string: '<%', block_end_string: '%>', variable_start_string: \"[%\", "
        "variable_end_string:%], comment_start_string: <#, comment_end_string: #>\n"
    )
    source = "<% if true %>\n[% instance_id %] {{ a }} {% b %} ${#c}<# d #>\n<% endif %>\n"

    assert render_text(FACTS, header + source) == "i-0abc {{ a }} {% b %} ${#c}\n"


def test_equal_delimiters_are_an_error() -> None:
    with pytest.raises(TemplateError, match=r"^<template>:1: block_start_string, .* must differ$"):
        render_text(FACTS, "#jinja2: block_start_string: {{\n")


def test_included_template_keeps_the_default_delimiters(write: Write) -> None:
    write("inner.j2", "{{ instance_id }}\n")
    outer = write(
        "outer.j2", "#jinja2: block_start_string: <%, block_end_string: %>\n<% include 'inner.j2' %>\n{% x %}"
    )

    assert render_template(FACTS, outer) == "i-0abc\n{% x %}"


def test_error_about_a_shell_length_expansion_suggests_a_raw_block() -> None:
    with pytest.raises(TemplateError, match=r"^<template>:2: Missing end of comment tag; \$\{#…\} begins a comment: "
                                            r"put \{% raw %\} before and \{% endraw %\} after it$"):  # fmt: skip
        render_text(FACTS, "x\necho ${#name}\n")


@pytest.mark.parametrize(
    ("source", "printed"),
    [
        ("a:\n{% filter indent(2, true) %}{% include 'inner' %}{% endfilter %}\nb\n", "a:\n  one:\n\n    two\nb\n"),
        ("a:\n{% filter indent(2, true) %}\n{% include 'inner' %}\n{% endfilter %}\nb\n", "a:\n  one:\n\n    two\nb\n"),
        ("a:\n  {% include 'inner' %}\nb\n", "a:\none:\n\n  two\nb\n"),
    ],
)
def test_indent_filter_indents_every_line_of_an_include(write: Write, source: str, printed: str) -> None:
    write("inner.j2", "one:\n\n  two\n")

    assert render_template(FACTS, write("outer.j2", source)) == printed


@pytest.mark.parametrize(
    ("source", "printed"),
    [
        ("{{ (nope | default(omit)) == omit }}{{ 'a' == omit }}", "TrueFalse"),
        ("{% if nope | default(omit) != omit %}a{% endif %}", ""),
    ],
)
def test_omit_can_be_compared(source: str, printed: str) -> None:
    assert render_text({}, source) == printed


@pytest.mark.parametrize("source", ["{{ omit }}", "{{ nope | default(omit) }}", "{{ [omit] | to_json }}"])
def test_omit_is_not_printed(source: str) -> None:
    with pytest.raises(TemplateError, match="omit cannot be printed: a template has no module argument to omit"):
        render_text({}, source)


def test_header_applies_to_its_own_file_only(write: Write) -> None:
    write("inner.j2", "#jinja2: trim_blocks: false\n{% if true %}\nb{% endif %}\n")
    outer = write("outer.j2", "{% if true %}\na\n{% endif %}\n{% include 'inner.j2' %}c\n")

    assert render_template(FACTS, outer) == "a\n\nb\nc\n"


@pytest.mark.parametrize("wrong", ["{{ nope }}", "{% if %}", "{# x"])
def test_line_number_of_an_error_includes_the_header(wrong: str) -> None:
    with pytest.raises(TemplateError, match=r"^<template>:3: "):
        render_text(FACTS, f"#jinja2: trim_blocks: true\n\n{wrong}")


def test_error_carries_file_and_line(write: Write) -> None:
    file = write("a.j2", "{{ instance_id }}\n{{\n  tags.Nope }}\n")

    with pytest.raises(TemplateError) as caught:
        render_template(FACTS, file)

    assert (caught.value.file, caught.value.line) == (str(file), 3)
    assert str(caught.value) == f"{file}:3: undefined 'tags.Nope' (did you mean 'tags.Name'?)"


@pytest.mark.parametrize("statement", ["break", "continue"])
def test_break_outside_of_a_loop_names_its_template(write: Write, statement: str) -> None:
    inner = write("inner.j2", f"{{% {statement} %}}")

    with pytest.raises(TemplateError) as caught:
        render_template(FACTS, write("outer.j2", "{% include 'inner.j2' %}"))

    assert re.fullmatch(f"{inner}: '{statement}' (outside|not properly in) loop", str(caught.value))


@pytest.mark.parametrize("middle", ["{% include 'outer.j2' %}", "{% import 'outer.j2' as outer %}"])
def test_recursive_include_is_named_in_the_error(write: Write, middle: str) -> None:
    outer = write("outer.j2", "{% include 'middle.j2' %}")
    write("middle.j2", middle)

    with pytest.raises(TemplateError, match=": the template includes itself, reached from ") as caught:
        render_template(FACTS, outer)

    assert len(str(caught.value)) < 1000


def test_finite_recursive_include_is_rendered(write: Write) -> None:
    file = write("a.j2", "{{ depth }}{% if depth < 3 %}{% set depth = depth + 1 %}{% include 'a.j2' %}{% endif %}")

    assert render_template({"depth": 0}, file) == "0123"


@pytest.mark.parametrize(
    "wrong",
    ["{{ nope }}", "{% if %}", "{{ 'x' | ip }}", "{% include 'missing' %}", "{# x", "{% raw %}x", "{{ none ~ 'x' }}"],
)
def test_error_in_an_include_names_the_including_templates(write: Write, wrong: str) -> None:
    inner = write("inner.j2", f"\n{wrong}")
    middle = write("middle.j2", "\n\n{% include 'inner.j2' %}")
    outer = write("outer.j2", "{% include 'middle.j2' %}")

    with pytest.raises(TemplateError) as caught:
        render_template(FACTS, outer)

    assert str(caught.value).startswith(f"{inner}:2: ")
    assert str(caught.value).endswith(f", reached from {middle}:3, {outer}:1")


def test_error_in_a_macro_or_block_names_its_callers(write: Write) -> None:
    macros = write("macros.j2", "{% macro name() %}\n{{ tags.Nope }}{% endmacro %}")
    base = write("base.j2", "\n{% block body %}{% endblock %}")
    child = write("child.j2", "{% extends 'base.j2' %}{% import 'macros.j2' as macros %}\n"
                              "{% block body %}\n{{ macros.name() }}{% endblock %}")  # fmt: skip

    with pytest.raises(TemplateError) as caught:
        render_template(FACTS, child)

    assert str(caught.value).startswith(f"{macros}:2: undefined 'tags.Nope'")
    assert str(caught.value).endswith(f", reached from {child}:3, {base}:2, {child}:1")


def test_imported_macros_see_the_facts(write: Write) -> None:
    write("macros.j2", "{% macro id() %}{{ instance_id }}{% endmacro %}")
    file = write("a.j2", "{% from 'macros.j2' import id %}{{ id() }}")

    assert render_template(FACTS, file) == "i-0abc"


def test_include_is_looked_up_beside_its_template_before_the_search_path(write: Write, tmp_path: Path) -> None:
    write("one/inner.j2", "one")
    write("two/inner.j2", "two")
    write("two/only.j2", "{% include 'inner' %}")
    file = write("one/a.j2", "{% include 'inner.j2' %} {% include 'only' %} {% include '../two/inner.j2' %}")

    assert render_template(FACTS, file, search_path=[tmp_path / "two"]) == "one two two"


def test_template_text_includes_from_the_search_path_only(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("here.j2", "here")
    write("there/there.j2", "there")
    monkeypatch.chdir(tmp_path)

    assert render_text(FACTS, "{% include ['here.j2', 'there.j2'] %}", search_path=[tmp_path / "there"]) == "there"


def test_ignore_missing_skips_a_missing_include() -> None:
    assert render_text(FACTS, "a{% include 'missing' ignore missing %}b", search_path=[]) == "ab"


@pytest.mark.parametrize(
    ("search_path", "where"), [(["/x", "/y"], "beside this one or in /x or in /y"), ([], "beside this one")]
)
def test_error_about_a_missing_include_lists_the_directories(write: Write, search_path: list[str], where: str) -> None:
    file = write("a.j2", "{% include 'missing' %}")

    with pytest.raises(TemplateError, match=f"a.j2:1: no template 'missing' {where}$"):
        render_template(FACTS, file, search_path=list(map(Path, search_path)))


def test_byte_order_mark_is_not_printed(write: Write) -> None:
    assert render_template(FACTS, write("a.j2", "\ufeff{{ instance_id }}")) == "i-0abc"


def test_template_that_is_not_utf_8_is_an_error(tmp_path: Path) -> None:
    file = tmp_path / "a.j2"
    file.write_bytes(b"\xff")

    with pytest.raises(TemplateError, match=r"a\.j2: is not UTF-8"):
        render_template(FACTS, file)


def test_rendering_does_not_change_the_facts() -> None:
    facts = {"tags": {"Name": "a"}}

    render_text(facts, "{% set tags = {} %}{% set Name = 'b' %}{{ tags | to_json }}")

    assert facts == {"tags": {"Name": "a"}}


def test_error_never_holds_the_value() -> None:
    facts = {"user_data": "hunter2\0{hunter2} %(hunter2)s é"}
    filters = ["ip", "nginx_quote", "from_json", "from_yaml", "b64decode", "onoff", "filesizeformat", "random"]

    methods = [".nope", ".index('x')", ".format(1)", ".encode('idna')", " % 1"]
    for expression in [*(f"| {name}" for name in filters), *methods, "+ 1", "| extract({})", "| urlsplit('x')"]:
        with pytest.raises(TemplateError) as caught:
            render_text(facts, f"{{{{ user_data {expression} }}}}")
        assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("source", "refusal"),
    [
        ("{{ tags['a b'] | dns_label }}", "|dns_label of tags['a b']: not a label of a host name"),
        ("{{ tags['a b'] | trim | dns_label }}", "|dns_label of tags['a b']: not a label of a host name"),
        ("{{ tags['a b'] | replace('&', '&&') | dns_label }}", "|dns_label: not a label of a host name"),
        ("{{ groups | map('dns_label') | join }}", "|dns_label of groups[1]: not a label of a host name"),
        ("{{ tags | upper }}", "|upper of tags: a dict cannot be printed; look up a key, or use |to_json"),
        ("{{ groups | join(tags) }}", "|join of groups: a dict cannot be printed; look up a key, or use |to_json"),
        ("{{ number | ip }}", "|ip: not an IP address"),
        ("{{ tags.short | ip }}", "|ip: not an IP address"),
        ("{{ 'a&b' | dns_label }}", "|dns_label: not a label of a host name"),
        ("{{ 'x' | ip(1) }}", "|ip: ip() takes 1 positional argument but 2 were given"),
        ("{{ {} | hash }}", "|hash: a dict cannot be printed; look up a key, or use |to_json"),
    ],
)
def test_filter_error_names_the_filter_and_the_fact(source: str, refusal: str) -> None:
    facts = {"number": 7, "tags": {"a b": "x & y", "short": "é"}, "groups": ["web", "s & h"]}

    with pytest.raises(TemplateError) as caught:
        render_text(facts, source)

    assert str(caught.value) == f"<template>:1: {refusal}"


def test_rendering_imports_neither_yaml_nor_requests() -> None:
    program = (
        "import sys; from ec2facts.render.template.environment import render_text;"
        " render_text({}, '{{ [1] | to_json }}');"
        "sys.exit(sorted({'yaml', 'requests'} & set(sys.modules)) or None)"
    )

    subprocess.run([sys.executable, "-c", program], check=True)
