from __future__ import annotations

import pytest

from ec2facts.errors import TemplateError
from ec2facts.render.template.environment import render_text


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("'p4d.24xlarge' is match('p4d')", "True"),
        ("'p4d.24xlarge' is match('24')", "False"),
        ("'p4d.24xlarge' is search('24')", "True"),
        ("'p4d.24xlarge' is regex('^P4', ignorecase=true)", "True"),
        ("'a\nb' is search('^b')", "False"),
        ("'a\nb' is search('^b', multiline=true)", "True"),
        ("['a', 'b'] is contains('a')", "True"),
        ("{'a': 1} is contains('b')", "False"),
        ("[{'a': [1]}, {'a': [2]}] | selectattr('a', 'contains', 2) | first == {'a': [2]}", "True"),
        ("['m7g.large', 't3.micro'] | select('match', 't[0-9]') | first", "t3.micro"),
    ],
)
def test_condition(condition: str, holds: str) -> None:
    assert render_text({}, f"{{{{ {condition} }}}}") == holds


@pytest.mark.parametrize(
    ("condition", "reason"),
    [
        ("'a' is match('(')", "not a regular expression"),
        (r"'a' is search('\ba')", "a backslash .* is written twice"),
        ("nope is match('a')", "undefined 'nope'"),
        ("nope is contains('a')", "undefined 'nope'"),
        ("[] is contains(nope)", "undefined 'nope'"),
    ],
)
def test_condition_refuses(condition: str, reason: str) -> None:
    with pytest.raises(TemplateError, match=reason):
        render_text({}, f"{{{{ {condition} }}}}")
