"""JSON: lossless, in order, readable."""

from __future__ import annotations

import json
import math

import pytest

from ec2facts.render.json import render_json


def test_object_is_indented_in_the_facts_order_and_ends_in_a_newline() -> None:
    text = render_json({"b": "012345678901", "a": {"ports": [1, 2], "none": []}, "on": True})

    assert text == (
        '{\n  "b": "012345678901",\n  "a": {\n    "ports": [\n      1,\n      2\n    ],\n    "none": []\n  },\n'
        '  "on": true\n}\n'
    )


def test_non_ascii_text_is_kept() -> None:
    text = render_json({"Größe": "日本 😀"})

    assert text == '{\n  "Größe": "日本 😀"\n}\n'


def test_text_that_has_no_encoding_can_be_written_and_reads_back() -> None:
    facts = {"\ud800": "half \udfff of a pair, and \\ud800"}

    written = render_json(facts).encode()

    assert json.loads(written) == facts


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_number_that_json_does_not_have_is_an_error(number: float) -> None:
    with pytest.raises(ValueError, match="JSON"):
        render_json({"number": number})
