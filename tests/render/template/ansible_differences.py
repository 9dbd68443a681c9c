"""Templates that ec2facts and Ansible render differently by design: data for the table and for the tests of both."""

from __future__ import annotations

from typing import NamedTuple


class Difference(NamedTuple):
    """A template and both outputs; the output is None if ec2facts refuses the template."""

    topic: str
    template: str
    ansible: str
    ec2facts: str | None
    remedy: str


DIFFERENCES = [
    Difference(
        "A tag at the end of a text line keeps the newline.",
        "{% if true %}yes{% endif %}\nno",
        "yesno",
        "yes\nno",
        "`#jinja2: trim_blocks: true` in the first line",
    ),
    Difference(
        "Blanks before a tag at the start of a line are dropped.",
        "  {% if true %}\na\n  {% endif %}",
        "  a\n  ",
        "a\n",
        "`#jinja2: lstrip_blocks: false`, or `{%+` for one tag",
    ),
    Difference("None is not printed.", "a{{ none }}", "a", None, "`default('', true)`, or `to_json` for null"),
    Difference("A list is not printed.", "{{ [1] ~ '' }}", "[1]", None, "`join(' ')` or `to_json`"),
    Difference(
        "JSON has sorted keys and unescaped non-ASCII letters.",
        "{{ {'b': 1, 'a': 'é'} | to_json }}",
        '{"b": 1, "a": "\\u00e9"}',
        '{"a": "é", "b": 1}',
        "`to_json(sort_keys=false, ensure_ascii=true)`",
    ),
    Difference(
        "YAML keeps the order of the keys.",
        "{{ {'b': 1, 'a': 2} | to_nice_yaml }}",
        "a: 2\nb: 1\n",
        "b: 1\na: 2\n",
        "`to_nice_yaml(sort_keys=true)`",
    ),
    Difference(
        "YAML quotes every text that a parser could read as a number, a date or a boolean.",
        "{{ {'id': '012345678901'} | to_nice_yaml }}",
        "id: 012345678901\n",
        "id: '012345678901'\n",
        "",
    ),
    Difference(
        "An empty `postfix` of a comment adds no line.",
        "{{ 'a' | comment(prefix='', postfix='') }}b",
        "# a\nb",
        "# ab",
        "",
    ),
    Difference("Lookups are not available.", "{{ lookup('env', 'LANG') }}", "C.UTF-8", None, "`--var`, `vars:`"),
]
