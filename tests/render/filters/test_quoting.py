"""A program that parses the syntax reads back a quoted text unchanged."""

from __future__ import annotations

import configparser
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import assume, example, given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from ec2facts.render.filters.quoting import (
    NGINX_PARAMETER,
    env_line,
    haproxy_quote,
    hcl_string,
    header_value,
    html,
    ini_value,
    nginx_quote,
    prom_label,
    quote,
    rsyslog_string,
    systemd_quote,
    toml_string,
    yaml_string,
)
from tests.fuzzing import examples
from tests.render.browser import Page
from tests.render.config_readers import (
    Program,
    header,
    logged_by_rsyslog,
    running_haproxy,
    running_nginx,
    shell_words,
    systemd_words,
)

# Half of the texts hold only characters that are special in some syntax, so that combinations are frequent.
TEXTS = st.text(
    st.sampled_from("\\\"'$`%{}()[]<>#;:=,&|*?!~- \t\n\rax0é\x00\x1b\x7f\x85\u2028\ufeff\ufffe😀")
) | st.text(st.characters(codec="utf-8"))


def without(characters: str) -> Callable[[str], bool]:
    return lambda text: not set(characters) & set(text)


@examples(20)
@given(texts=st.lists(TEXTS.filter(without("\0")), min_size=1))
def test_shell_reads_back_a_quoted_word(texts: list[str], program: Program) -> None:
    quoted = [quote(text) for text in texts]

    assert shell_words(program, quoted) == texts


@examples(6)
@given(texts=st.lists(TEXTS.filter(without("\0")), min_size=1, max_size=60))
@example(
    texts=["\\" * (NGINX_PARAMETER // 2), "$" * (NGINX_PARAMETER // 9), "$host $1 ${host} $dollar $$", '\\"', "\\n"]
)
def test_nginx_returns_a_quoted_text_unchanged(texts: list[str], program: Program) -> None:
    def configuration(directory: Path) -> str:
        locations = "".join(f"location = /{n} {{ return 200 {nginx_quote(text)}; }}\n" for n, text in enumerate(texts))
        return f'geo $dollar {{ default "$"; }}\nserver {{ listen unix:{directory}/s;\n{locations} }}'

    with running_nginx(program, configuration) as fetch:
        assert [fetch(f"/{n}")[1] for n in range(len(texts))] == texts


@examples(4)
@given(texts=st.lists(TEXTS, min_size=20, max_size=60))
def test_nginx_sends_an_accepted_header_unchanged(texts: list[str], program: Program) -> None:
    held = [text for text in texts if is_held(header_value, text)]

    def configuration(directory: Path) -> str:
        added = "".join(f"add_header X-{n} {nginx_quote(header_value(text))};\n" for n, text in enumerate(held))
        return f'geo $dollar {{ default "$"; }}\nserver {{ listen unix:{directory}/s;\n{added} return 200; }}'

    with running_nginx(program, configuration) as fetch:
        headers, _ = fetch("/")
    # nginx omits headers without a value.
    assert [header(headers, f"X-{n}") or "" for n in range(len(held))] == held


def is_held(write: Callable[[str], str], text: str) -> bool:
    try:
        write(text)
    except ValueError:
        return False
    return True


@examples(4)
@given(texts=st.lists(TEXTS.filter(without("\0\r\n")), min_size=1, max_size=60))
@example(texts=["$HOME ${HOME}", "%[env(HOME)] %%", "'\\''", "\\x41 \\n \\ ", "# no comment", '"', "a" * 4096])
def test_haproxy_returns_a_quoted_text_unchanged(texts: list[str], program: Program) -> None:
    answer = "http-request return status 200 content-type text/plain string"
    rules = "".join(f"{answer} {haproxy_quote('-' + text)} if {{ path /{n} }}\n" for n, text in enumerate(texts))

    def configuration(directory: Path) -> str:
        timeouts = "".join(f"timeout {kind} 5s\n" for kind in ("connect", "client", "server"))
        return f"defaults\nmode http\n{timeouts}frontend f\nbind unix@{directory}/s\n{rules}"

    with running_haproxy(program, configuration) as fetch:
        assert [fetch(f"/{n}")[1] for n in range(len(texts))] == ["-" + text for text in texts]


@examples(6)
@given(texts=st.lists(TEXTS.filter(without("\0")), min_size=1, max_size=60))
@example(texts=["%msg% %%", "$HOME `id`", "\\", "\\\\n", '"', '\\"', "\\x41 \\101", "[x] 'y'", "a\nb"])
def test_rsyslog_logs_a_quoted_string_unchanged(texts: list[str], program: Program) -> None:
    constants = "".join(f'constant(value={rsyslog_string(text)}) constant(value="|")\n' for text in texts)

    def configuration(directory: Path) -> str:
        action = f'action(type="omfile" fileCreateMode="0600" file="{directory}/log" template="t")\n'
        return f'template(name="t" type="list") {{\n{constants}}}\n{action}'

    assert logged_by_rsyslog(program, configuration, "<13>x") == "".join(f"{text}|" for text in texts)


@examples(200)
@given(text=TEXTS)
@example(text="</p><script>'\"&lt;&#60;")
def test_html_parser_reads_back_a_text_with_escapes_for_control_characters(text: str) -> None:
    page = Page(f'<p title="{html(text)}">{html(text)}</p>')

    spelled = "".join(char if is_text(char) else char.encode("unicode_escape").decode() for char in text)
    assert page.text == spelled
    assert page.elements == [("p", (("title", spelled),))]
    assert page.open == []


def is_text(char: str) -> bool:
    return (unicodedata.category(char) != "Cc" and char not in STEERING) or char in "\n\t"


STEERING = (
    "\u061c\u200e\u200f\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff\ufffe\uffff"
    + "".join(map(chr, range(0xFDD0, 0xFDF0)))
)


@examples(20)
@given(texts=st.lists(TEXTS.filter(without("\r\n")), min_size=1, max_size=20))
@example(texts=["%h %% %", "$HOME ${HOME}", "\\x41 \\n", " edges ", "\x01\x1b\x7f", "'\"'"])
def test_systemd_reads_back_an_accepted_word(texts: list[str], program: Program) -> None:
    words = [f"1={text}" for text in texts if is_held(systemd_quote, text)]

    assert systemd_words(program, [systemd_quote(word) for word in words]) == words


def test_systemd_reads_back_a_newline(program: Program) -> None:
    words = ["1=one\ntwo", "1=three\n[Service]"]

    assert systemd_words(program, [systemd_quote(word) for word in words]) == words


@pytest.mark.parametrize("text", ["\0", "\ufffe", "\U0001ffff", "\ufdd0"])
def test_systemd_quote_refuses_characters_that_systemd_rejects(text: str) -> None:
    with pytest.raises(ValueError, match=r"NUL|noncharacter"):
        systemd_quote(text)


@examples(200)
@given(text=TEXTS, interpolation=st.booleans())
def test_configparser_reads_back_an_accepted_value(
    tmp_path_factory: pytest.TempPathFactory,
    text: str,
    interpolation: bool,  # noqa: FBT001 (hypothesis gives it by name)
) -> None:
    assume(is_held(lambda text: ini_value(text, interpolation=interpolation), text))
    content = f"[s]\nvalue = {ini_value(text, interpolation=interpolation)}\nnext = 1\n"

    assert read_ini(tmp_path_factory, content, interpolation=interpolation) == {"s": {"value": text, "next": "1"}}


def read_ini(
    tmp_path_factory: pytest.TempPathFactory, content: str, *, interpolation: bool
) -> dict[str, dict[str, str]]:
    file = tmp_path_factory.getbasetemp() / "file.ini"
    file.write_bytes(content.encode())
    parser = configparser.ConfigParser() if interpolation else configparser.RawConfigParser()
    parser.read(file, encoding="utf-8")
    return {section: dict(parser.items(section)) for section in parser.sections()}


@pytest.mark.parametrize("text", ["a\nb", "a\rb", " a", "a\t", "a\0"])
def test_ini_value_refuses_line_breaks_outer_blanks_and_nul(text: str) -> None:
    with pytest.raises(ValueError, match=r"cannot hold|holds a NUL"):
        ini_value(text)


def test_ini_value_refuses_a_percent_sign_without_interpolation_option() -> None:
    with pytest.raises(ValueError, match=r"use ini_value\(interpolation=true\) or false"):
        ini_value("100%")


@examples(200)
@given(text=TEXTS)
def test_toml_parser_reads_back_a_string(text: str) -> None:
    tomllib = pytest.importorskip("tomllib", reason="Python has a reader of TOML since 3.11")

    assert tomllib.loads(f"value = {toml_string(text)}\nnext = 1\n") == {"value": text, "next": 1}


def read_1_1(text: str) -> Any:
    return yaml.safe_load(text)


def read_1_2(text: str) -> Any:
    reader = YAML(typ="safe", pure=True)
    reader.version = (1, 2)
    return reader.load(text)


@pytest.mark.parametrize("read", [read_1_1, read_1_2])
@examples(100)
@given(text=TEXTS)
@example(text="a \u2028 b \x85 c")
def test_yaml_parser_reads_back_a_string(read: Callable[[str], Any], text: str) -> None:
    content = f"value: {yaml_string(text)}\nlist: [{yaml_string(text)}]\n{yaml_string('key')}: 1\n"

    assert read(content) == {"value": text, "list": [text], "key": 1}


def test_yaml_string_escapes_a_byte_order_mark() -> None:
    assert yaml_string("\ufeff") == r'"\ufeff"'


# Checked by hand with `terraform console` (1.11), which cannot be installed from a package registry.
@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("${a} %{b}", '"$${a} %%{b}"'),
        ("$${a} %%{b} $$$", '"$$${a} %%%{b} $$$"'),
        ('"\\\n\r\t', r'"\"\\\n\r\t"'),
        ("\0\b\f\x7f\x85", r'"\u0000\u0008\u000c\u007f\u0085"'),
        ("5% of $10 é😀", '"5% of $10 é😀"'),
    ],
)
def test_hcl_string_escapes_templates_and_controls(text: str, written: str) -> None:
    assert hcl_string(text) == written


# The exposition format: https://prometheus.io/docs/instrumenting/exposition_formats/
@pytest.mark.parametrize(("text", "written"), [('a"b\\c\nd', r'"a\"b\\c\nd"'), ("{x=} é\t", '"{x=} é\t"')])
def test_prom_label_escapes_quotes_backslashes_and_newlines(text: str, written: str) -> None:
    assert prom_label(text) == written


def test_env_line_quotes_for_its_format() -> None:
    assert env_line("it's", "systemd", "GREETING") == "GREETING='it'\"'\"'s'"
    assert env_line("it's", "docker", "GREETING") == "GREETING=it's"


@pytest.mark.parametrize(
    ("text", "format_name", "name"), [("a\nb", "docker", "A"), ("a", "nope", "A"), ("a", "sh", "A;B"), ("a", "sh", "1")]
)
def test_env_line_refuses_a_value_or_name_that_its_format_cannot_hold(text: str, format_name: str, name: str) -> None:
    with pytest.raises(ValueError, match=r"newline|no format|not a variable name"):
        env_line(text, format_name, name)


@pytest.mark.parametrize("write", [quote, nginx_quote, haproxy_quote, rsyslog_string, systemd_quote, ini_value])
def test_nul_is_refused_in_a_syntax_without_an_escape(write: Callable[[str], str]) -> None:
    with pytest.raises(ValueError, match="NUL"):
        write("a\0")


def test_nginx_quote_refuses_a_text_longer_than_a_parameter() -> None:
    with pytest.raises(ValueError, match="4093 bytes"):
        nginx_quote("a" * (NGINX_PARAMETER + 1))


@pytest.mark.parametrize("text", ["a\nb", "a\rb"])
def test_haproxy_quote_refuses_line_breaks(text: str) -> None:
    with pytest.raises(ValueError, match="line break"):
        haproxy_quote(text)


@pytest.mark.parametrize("text", ["a\r\nSet-Cookie: x", "a\nb", "a\0", "\x1b[2J", "\x7f", " a", "a\t"])
def test_header_value_refuses_line_breaks_and_control_characters(text: str) -> None:
    with pytest.raises(ValueError, match="header"):
        header_value(text)
