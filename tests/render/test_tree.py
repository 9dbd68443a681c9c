"""JSON and YAML."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from ec2facts.collection.unread import Unread
from ec2facts.errors import IncompleteError
from ec2facts.render.tree import TREE_FORMATS, render_json, render_tree, render_yaml, to_yaml
from tests.fuzzing import examples


def test_object_is_indented_in_the_facts_order_and_ends_in_a_newline() -> None:
    text = render_json({"b": "012345678901", "a": {"ports": [1, 2], "none": []}, "on": True})

    assert text == (
        '{\n  "b": "012345678901",\n  "a": {\n    "ports": [\n      1,\n      2\n    ],\n    "none": []\n  },\n'
        '  "on": true\n}\n'
    )


def test_non_ascii_text_is_kept() -> None:
    text = render_json({"Größe": "日本 😀"})

    assert text == '{\n  "Größe": "日本 😀"\n}\n'


def test_lone_surrogate_is_escaped_and_reads_back() -> None:
    facts = {"\ud800": "half \udfff of a pair, and \\ud800"}

    written = render_json(facts).encode()

    assert json.loads(written) == facts


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_nan_and_infinity_are_errors(number: float) -> None:
    with pytest.raises(ValueError, match="JSON"):
        render_json({"number": number})


def read_1_1(text: str) -> Any:
    return yaml.safe_load(text)


def read_1_2(text: str) -> Any:
    reader = YAML(typ="safe", pure=True)
    reader.version = (1, 2)
    return reader.load(text)


every_version = pytest.mark.parametrize("read", [read_1_1, read_1_2])

WORDS = "y n Y N yes No ON off true False null Null ~ .inf .nan .NaN"
NUMBERS = "012345678901 0 00 08 1e3 12e5 1E-3 0o17 017 0b1 0x1F 1_000 .5 5. +1 -1 +.5 1.5 12:34:56 190:20:30 1:2"
TIMES = "2001-01-01 2001-12-14t21:59:43.10-05:00 2024-01-01T00:00:00Z 2001-12-14"
SIGNS = (
    "- -- --- ... ? : , [ ] { } # & * ! | > ' '' \" % @ ` = << <<: & \\ / . .. + $ ^ ( ) ; !! && ** |- >+ inf nan e E1"
)
STRINGS = [
    *f"{WORDS} {NUMBERS} {TIMES} {SIGNS}".split(),
    "",
    " ",
    " leading",
    "trailing ",
    "trailing\t",
    "\ttab",
    "- x",
    "? x",
    ": x",
    "a: b",
    "a:",
    "a #b",
    "#b",
    "& a",
    "*a",
    "!a",
    "%YAML 1.1",
    "@a",
    "`a",
    "--- a",
    "a\n...\nb",
    "{a: b}",
    "[a, b]",
    "it's",
    '"quoted"',
    "back\\slash\\n",
    "a\nb",
    "a\n",
    "\na",
    "\n\n",
    " a\n  b\n c ",
    "a\r",
    "a\r\nb",
    "\r",
    "\x85a\x85",
    "a\u2028b\u2029",
    "\ufeff",
    "a\ufeffb",
    "\x00\x01\x07\x1b\x7f\x80\x9f",
    "\xa0",
    "\ufffe\uffff\ufdd0\U0001fffe\U0010ffff",
    "\ud800",
    "é ü 日本語",
    "😀",
    "😀\n",
    "word " * 200,
    "x" * 2000,
    "arn:aws:iam::012345678901:role/web",
]


@every_version
@pytest.mark.parametrize("string", STRINGS, ids=lambda string: ascii(string[:20]))
def test_string_reads_back_as_a_value_a_key_and_an_item(read: Callable[[str], Any], string: str) -> None:
    facts = {"value": string, "key": {string: 1}, "items": [string, [string]]}

    text = render_yaml(facts)

    assert read(text.encode().decode()) == facts


VALUES = st.recursive(
    st.text()
    | st.text("-:?#'\" \n\t0e1_.~yno\\{}[]\x85")
    | st.integers()
    | st.booleans()
    | st.none()
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
    max_leaves=10,
)


@every_version
@examples(40)
@given(facts=st.dictionaries(st.text(), VALUES))
def test_any_facts_read_back(read: Callable[[str], Any], facts: dict[str, Any]) -> None:
    text = render_yaml(facts)

    assert read(text) == facts


def test_mapping_is_in_the_facts_order_with_only_plain_words_unquoted() -> None:
    shared = ["a b"]

    text = render_yaml(
        {
            "region": "eu-west-1",
            "account_id": "012345678901",
            "on": True,
            "größe": "日本 😀",
            "user_data": "#!/bin/sh\n",
            "first": shared,
            "again": shared,
            "tags": {"Name": "", "none": {}},
        }
    )

    assert text == (
        "region: eu-west-1\n"
        "account_id: '012345678901'\n"
        "'on': true\n"
        "'größe': '日本 😀'\n"
        'user_data: "#!/bin/sh\\n"\n'
        "first:\n"
        "- 'a b'\n"
        "again:\n"
        "- 'a b'\n"
        "tags:\n"
        "  Name: ''\n"
        "  none: {}\n"
    )


@pytest.mark.parametrize("word", f"{WORDS} {NUMBERS} {TIMES}".split())
def test_word_that_a_parser_could_read_as_another_type_is_quoted(word: str) -> None:
    text = render_yaml({word: word})

    assert text == f"'{word}': '{word}'\n"


@pytest.mark.parametrize("string", ["word " * 1000, "line\n" * 1000, "x" * 5000], ids=["words", "lines", "unbroken"])
def test_long_string_is_not_wrapped(string: str) -> None:
    text = render_yaml({"string": string})

    assert text.count("\n") == 1


@every_version
@pytest.mark.parametrize("value", ["eu-west-1", "a\n...\n", "", 1, 1.5, True, None, [], {}, [1, "1"]], ids=repr)
def test_any_value_is_yaml_without_a_document_end(read: Callable[[str], Any], value: Any) -> None:
    text = to_yaml(value)

    assert read(text) == value
    assert "\n..." not in text
    assert text.endswith("\n")


@every_version
@pytest.mark.parametrize("value", ["eu-west-1", "a\n...\n", 1, None, [], {}, [1, "1"], {"a": 1}], ids=repr)
def test_any_value_is_yaml_after_an_explicit_start(read: Callable[[str], Any], value: Any) -> None:
    text = to_yaml(value, explicit_start=True)

    assert text.startswith("---")
    assert read(text) == value


def test_indent_applies_to_nested_mappings() -> None:
    text = to_yaml({"a": {"b": {"c": 1}}}, indent=4)

    assert text == "a:\n    b:\n        c: 1\n"


@pytest.mark.parametrize("form", TREE_FORMATS)
@pytest.mark.parametrize("place", ["top", "mapping", "list"])
def test_unread_fact_is_never_written(form: str, place: str) -> None:
    marker = Unread("meta-data/mac", "HTTP 500")
    facts: dict[str, Any] = {"top": {"x": marker}, "mapping": {"x": {"y": marker}}, "list": {"x": [1, marker]}}

    with pytest.raises(IncompleteError) as error:
        render_tree(facts[place], form)

    assert error.value.unread == {"meta-data/mac": "HTTP 500"}
