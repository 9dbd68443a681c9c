"""ec2facts prints its column of the table of differences; the tests of engines check Ansible's column."""

from __future__ import annotations

from contextlib import suppress

import pytest

from ec2facts.errors import TemplateError
from ec2facts.render.template.environment import render_text
from tests.render.template.ansible_differences import DIFFERENCES, Difference


@pytest.mark.parametrize("difference", DIFFERENCES, ids=lambda difference: difference.topic)
def test_ec2facts_prints_its_column_of_the_differences(difference: Difference) -> None:
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
