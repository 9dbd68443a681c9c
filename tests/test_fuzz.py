"""Any input gives a correct answer or an error of ec2facts, never another exception."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ec2facts import instances
from ec2facts.apply.config import load_config
from ec2facts.apply.config_keys import OUTPUT_KEYS, TOP_KEYS
from ec2facts.collection.facts import facts
from ec2facts.collection.lookup import lookup
from ec2facts.errors import ConfigError, EC2FactsError, TemplateError
from ec2facts.imds.snapshot import Snapshot
from ec2facts.metadata.descriptor import attributes
from ec2facts.metadata.instance import EC2Metadata
from ec2facts.render.filters.registry import FILTERS
from ec2facts.render.template.environment import render_text
from tests.fuzzing import examples

AWKWARD = instances.load("awkward")
FACTS = facts(AWKWARD)
PARTS = st.one_of(
    st.sampled_from([*attributes(EC2Metadata), "meta_data", "dynamic", "collection", "0", "-1", "99", "", "placement"]),
    st.text(max_size=5),
)
SEPARATORS = st.sampled_from([".", "/", "..", "//", "-", ""])
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-1, 1000),
    st.text(max_size=8),
    st.sampled_from(["json", "sh", "motd", "0644"]),
)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=2), max_leaves=3)
OUTPUTS = st.lists(st.dictionaries(st.sampled_from([*OUTPUT_KEYS, "pth"]), VALUES, max_size=4), max_size=2)
EXPRESSIONS = st.lists(
    st.sampled_from(
        [*FILTERS, *FACTS, "|", ".", "(", ")", "[", "]", "{", "}", "'", '"', "~", "1", "x", " ", ",", "is", "defined"]
    ),
    max_size=8,
).map("".join)


def message_of(kind: type[EC2FactsError], attempt: Callable[[], object]) -> str:
    """Return the one-line message if ``attempt`` raises ``kind``, else ""; any other exception fails the test."""
    try:
        attempt()
    except kind as error:
        (line,) = str(error).splitlines()
        return line
    return ""


@examples(300)
@given(st.lists(st.tuples(PARTS, SEPARATORS), min_size=1, max_size=5))
def test_any_name_is_found_or_refused(pieces: list[tuple[str, str]]) -> None:
    name = "".join(part + separator for part, separator in pieces)

    with suppress(EC2FactsError):
        json.dumps(lookup(AWKWARD, name), default=bytes.hex)


@examples(150)
@given(
    st.one_of(st.text(max_size=60), st.dictionaries(st.sampled_from([*TOP_KEYS, "output"]), st.one_of(OUTPUTS, VALUES)))
)
def test_any_config_is_read_or_refused_with_its_name(tmp_path_factory: pytest.TempPathFactory, config: object) -> None:
    file: Path = tmp_path_factory.getbasetemp() / "fuzzed.yaml"
    file.write_text(config if isinstance(config, str) else json.dumps(config), encoding="utf-8", errors="replace")

    refusal = message_of(ConfigError, lambda: load_config(file))

    assert refusal.startswith(str(file)) or not refusal


@examples(200)
@given(EXPRESSIONS)
def test_any_expression_is_rendered_or_refused_with_one_line(expression: str) -> None:
    refusal = message_of(TemplateError, lambda: render_text(FACTS, "{{ " + expression + " }}"))

    assert refusal.startswith("<template>:1: ") or not refusal


@examples(150)
@given(
    st.dictionaries(st.sampled_from([each.path for each in attributes(EC2Metadata).values()]), st.binary(max_size=60))
)
def test_any_body_is_a_fact_or_unread(bodies: dict[str, bytes]) -> None:
    everything = facts(Snapshot(bodies))

    assert json.loads(json.dumps(everything, allow_nan=False)) == everything
