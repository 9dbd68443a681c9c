"""A line of block tags, comments and blanks prints nothing; every other line keeps its newline."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ec2facts.render.template.environment import render_text
from tests.fuzzing import examples


@pytest.mark.parametrize(
    ("source", "printed"),
    [
        ("yes{% if true %}{% endif %}\nno\n", "yes\nno\n"),
        ("{% if true %}yes{% endif %}\nno\n", "yes\nno\n"),
        ("{% if true %}\nyes\n{% endif %}\nno\n", "yes\nno\n"),
        ("a {# comment #}\nb\n", "a \nb\n"),
        ("{{ 'a' }}{% set x = 1 %}\nb\n", "a\nb\n"),
        ("{% set x = 1 %}{{ x }}\nb\n", "1\nb\n"),
        ("  {% if true %}{% endif %}  \n b\n", " b\n"),
        ("{% if true %} {% endif %} {# comment #}\nb\n", "b\n"),
        ("{# one\n two #}\nb\n", "b\n"),
        ("a{# one\n two #}\nb\n", "a\nb\n"),
        ("{# one\n two #}a\nb\n", "a\nb\n"),
        ("{% set x = [\n  1,\n] %}\n{{ x[0] }}\n", "1\n"),
        ("{% set x = [\n  1,\n] %}{{ x[0] }}\nb\n", "1\nb\n"),
        ("{{ [\n  'a'\n] | first }}{% if true %}{% endif %}\nb\n", "a\nb\n"),
        ("{% set x = 1\n%}{% set y = [\n2] %}\nb\n", "b\n"),
        ("{% set x = 1\n%}{% set y = [\n2] %}a\nb\n", "a\nb\n"),
        ("{% raw %}\n{{ a }}\n{% endraw %}\nb\n", "{{ a }}\nb\n"),
        ("{% raw %}{{ a }}{% endraw %}\nb\n", "{{ a }}\nb\n"),
        ("{% raw %}{% endraw %}\nb\n", "b\n"),
        ("a\n{%- if true %}\nb\n{%- endif %}\nc\n", "abc\n"),
        ("a\n  {% if true -%}\n  b\n  {% endif -%}\n  c\n", "a\nb\nc\n"),
        ("{% if true +%}\nb{% endif %}\n", "\nb\n"),
        ("  {%+ if true %}\nb{% endif %}\n", "  \nb\n"),
        ("\n{% if true %}{% endif %}\n\nb\n", "\n\nb\n"),
        ("{% if true %}{% endif %}", ""),
        ("a\r\n{% if true %}\r\nb{% endif %}\r\nc\r\n", "a\nb\nc\n"),
        ("a\x0b{% if true %}{% endif %}\u2028\nb\n", "a\x0b\u2028\nb\n"),
        ("{% for n in [1, 2] %}\n{{ n }}{% if n == 1 %},{% endif %}\n\n{% endfor %}\nb\n", "1,\n\n2\n\nb\n"),
    ],
)
def test_tag_line_prints_no_line(source: str, printed: str) -> None:
    assert render_text({}, source) == printed


def test_blanks_between_includes_are_kept(tmp_path: Path) -> None:
    (tmp_path / "a.j2").write_text("a")

    printed = render_text({}, "  {% include 'a' %} {% include 'a' %} \nb\n", search_path=[tmp_path])

    assert printed == "a ab\n"


@pytest.mark.parametrize(("value", "printed"), [("true", "yesno\n"), ("false", "yes\nno\n")])
def test_header_selects_the_behaviour_of_jinja(value: str, printed: str) -> None:
    assert render_text({}, f"#jinja2: trim_blocks: {value}\n{{% if true %}}yes{{% endif %}}\nno\n") == printed


LINES = st.lists(
    st.lists(st.sampled_from(["{% if true %}{% endif %}", "{# c #}", "{{ 1 }}", "x", " ", "\t"]), max_size=4).map(
        "".join
    ),
    max_size=6,
)


@examples(200)
@given(LINES)
def test_each_line_is_kept_or_dropped_independently(lines: list[str]) -> None:
    tag = re.compile(r"\{%.*?%\}|\{#.*?#\}")
    text = [re.sub(r"^\s*(?=\{[%#])", "", line) for line in lines]
    expected = [tag.sub("", line).replace("{{ 1 }}", "1") for line in text if not is_of_tags(line, tag)]

    printed = render_text({}, "".join(f"{line}\n" for line in lines))

    assert printed == "".join(f"{line}\n" for line in expected)


def is_of_tags(line: str, tag: re.Pattern[str]) -> bool:
    return bool(tag.search(line)) and not tag.sub("", line).strip()
