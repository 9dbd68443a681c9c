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
        # Ansible's results.
        ("'1.2.3' is version('1.2', '>')", "True"),
        ("'1.10' is version('1.9', 'gt')", "True"),
        ("'1.2' is version('1.2.0', '=')", "False"),
        ("'2.0rc1' is version('2.0', '>=')", "True"),
        ("'1' is version('1', '<>')", "False"),
        ("'0.9' is version_compare('0.10', 'lt')", "True"),
        ("1.5 is version('1.5')", "True"),
    ],
)
def test_condition(condition: str, holds: str) -> None:
    assert render_text({}, f"{{{{ {condition} }}}}") == holds


@pytest.mark.parametrize(
    ("condition", "reason"),
    [
        ("'a' is match('(')", "invalid regular expression"),
        (r"'a' is search('\ba')", "write each backslash twice"),
        ("'a' is match('[')", "invalid regular expression: error at position 0"),
        ("('a' * 40) is match('(a+)+b')", "the regular expression takes more than 1 s"),
        ("nope is match('a')", "undefined 'nope'"),
        ("nope is contains('a')", "undefined 'nope'"),
        ("[] is contains(nope)", "undefined 'nope'"),
        ("nope is version('1')", "undefined 'nope'"),
        ("'' is version('1', '<')", "a version is empty"),
        ("'1.a' is version('1.1', '<')", "the versions cannot be compared"),
        ("'1' is version('1', '~')", "no operator '~', choose from ==, =, eq, "),
        ("'1' is version('1', '<', strict=true)", "unexpected keyword argument 'strict'"),
    ],
)
def test_condition_refuses(condition: str, reason: str) -> None:
    with pytest.raises(TemplateError, match=reason):
        render_text({}, f"{{{{ {condition} }}}}")
