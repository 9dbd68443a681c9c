"""ec2facts renders what the table of differences to Ansible says; the engines' tests do the same with Ansible."""

from __future__ import annotations

from contextlib import suppress

import pytest

from ec2facts.errors import TemplateError
from ec2facts.render.template.environment import render_text
from tests.render.template.ansible_differences import DIFFERENCES, Difference


@pytest.mark.parametrize("difference", DIFFERENCES, ids=lambda difference: difference.topic)
def test_table_of_differences_is_true_of_ec2facts(difference: Difference) -> None:
    printed = None
    with suppress(TemplateError):
        printed = render_text({}, difference.template)

    assert printed == difference.ec2facts != difference.ansible


@pytest.mark.parametrize(
    ("source", "printed"),
    [
        ("#jinja2: trim_blocks: true\n{% if true %}yes{% endif %}\nno", "yesno"),
        ("#jinja2: lstrip_blocks: false\n  {% if true %}\na\n  {% endif %}", "  a\n  "),
        ("{{ none | default('', true) }}{{ none | to_json }}", "null"),
        ("{{ [1] | join(' ') }}", "1"),
        ("{{ {'b': 1, 'a': 'é'} | to_json(sort_keys=false, ensure_ascii=true) }}", '{"b": 1, "a": "\\u00e9"}'),
        ("{{ {'b': 1, 'a': 2} | to_nice_yaml(sort_keys=true) }}", "a: 2\nb: 1\n"),
    ],
)
def test_remedy_prints_what_ansible_prints(source: str, printed: str) -> None:
    assert render_text({}, source) == printed
