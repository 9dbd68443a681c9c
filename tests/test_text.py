"""Escapes and suggestions."""

from __future__ import annotations

from ec2facts.text import closest, did_you_mean, escape_lone_surrogates, escape_unprintable


def test_terminal_escape_sequence_is_escaped() -> None:
    assert escape_unprintable("a\x1b[2J\rb\u202e\ud800\xe4") == "a\\x1b[2J\\rb\\u202e\\ud800\xe4"


def test_kept_character_is_not_escaped() -> None:
    assert escape_unprintable("a\tb\nc", keep="\t") == "a\tb\\nc"


def test_lone_surrogate_becomes_its_json_escape() -> None:
    assert escape_lone_surrogates('"\ud800\U0001f600"') == '"\\ud800\U0001f600"'


def test_closest_name_ignores_case() -> None:
    assert closest("NAME", ["Name", "Stage"]) == "Name"


def test_no_suggestion_for_a_name_unlike_all_others() -> None:
    assert did_you_mean("zzz", ["region", "tags"]) == ""


def test_suggestion_names_the_closest_one() -> None:
    assert did_you_mean("regio", ["region", "tags"]) == " (did you mean 'region'?)"
