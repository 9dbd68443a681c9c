"""Filters that write a text for one syntax, so that it reads back exactly; what the syntax cannot hold they refuse.

Every public function is a filter by its name; see filters.py for the form of the docstrings.
"""

from __future__ import annotations

import re
import shlex
from typing import Any

from markupsafe import escape

from ec2facts.render.env_formats import FORMATS
from ec2facts.render.printable import printable

NGINX_PARAMETER = 4093
"""The bytes that nginx takes between the quotes of a parameter, if another follows; with more it does not start."""


def quote(value: Any) -> str:
    """Write a text as one word for a POSIX shell.

    {{ "it's $HOME" | quote }} → 'it'"'"'s $HOME'
    """
    return shlex.quote(_without_nul(value))


shell_quote = quote


def nginx_quote(value: Any) -> str:
    r"""Write a text as one parameter of an nginx directive that takes variables: add_header, return, set, log_format.

    nginx has no escape for ``$``; the ``http`` block needs the line ``geo $dollar { default "$"; }``. In directives
    that take no variables, such as ``server_name`` and ``listen``, use |dns_name and |ip. The first string of
    ``log_format`` must not be a value alone: ``escape=json`` is an option there.

    {{ 'a "b" costs $5' | nginx_quote }} → "a \"b\" costs ${dollar}5"
    """
    text = _without_nul(value).translate({ord("\\"): r"\\", ord('"'): r"\"", ord("$"): "${dollar}"})
    if len(text.encode()) > NGINX_PARAMETER:
        raise ValueError(f"nginx takes {NGINX_PARAMETER} bytes for a parameter")
    return f'"{text}"'


def header_value(value: Any, name: str = "an HTTP header") -> str:
    """Take a text as the value of an HTTP header: one line, no control character, no blank at an end.

    ``name`` is what a refusal calls the header, for whoever has to mend the value.

    {{ 'i-0abc (web)' | header_value | nginx_quote }} → "i-0abc (web)"
    """
    text = printable(value)
    if re.search(r"[\x00-\x08\x0a-\x1f\x7f]", text) or text.strip(" \t") != text:
        raise ValueError(f"{name} cannot hold control characters, or blanks at an end")
    return text


def haproxy_quote(value: Any) -> str:
    """Write a text as one word for haproxy.

    In a format, such as that of a header, a ``%`` begins a variable and is written ``%%`` first.

    {{ "it's 100% $HOME" | replace('%', '%%') | haproxy_quote }} → 'it'"'"'s 100%% $HOME'
    """
    text = _without_nul(value)
    if "\n" in text or "\r" in text:
        raise ValueError("haproxy cannot hold a line break in a word")
    return shlex.quote(text)


def systemd_quote(value: Any) -> str:
    r"""Write a text as one word for a setting of a systemd unit that takes quotes, such as Environment=.

    Not for ExecStart= and its like, where ``$`` begins a variable: put the text into the environment there.

    {{ 'GREETING=50% of "x"' | systemd_quote }} → "GREETING=50%% of \"x\""
    """
    text = _without_nul(value)
    refusal = FORMATS["systemd"].refusal("", text)
    if refusal:
        raise ValueError(refusal)
    return _double_quoted(text).replace("%", "%%")


def env_line(value: Any, format: str, name: str) -> str:  # noqa: A002 (what the option is called)
    """Write the line of an env file that sets the variable ``name``, in a ``format`` of ``ec2facts env``.

    {{ 'a b' | env_line('sh', 'GREETING') }} → GREETING='a b'
    """
    if format not in FORMATS:
        raise ValueError(f"no format {format!r}, choose from {', '.join(FORMATS)}")
    if not re.fullmatch("[A-Za-z_][A-Za-z0-9_]*", name):
        raise ValueError("not the name of a variable: letters, digits and _, no digit first")
    text = printable(value).lower() if isinstance(value, bool) else printable(value)
    refusal = FORMATS[format].refusal(name, text)
    if refusal:
        raise ValueError(refusal)
    line = FORMATS[format].encode(name, text)
    return line[:-1] if line.endswith("\n") else line


def ini_value(value: Any, *, interpolation: bool | None = None) -> str:
    """Take a text as the value of an option in an INI file, as Python's configparser reads it: the rest of the line.

    Readers differ in ``%``: configparser takes it for the start of an interpolation, where it is written ``%%``,
    and its RawConfigParser, like most others, takes it as it is. A text with one is refused until ``interpolation``
    says whose file it is. No quotes are added, because configparser would not take them off.

    {{ '100% "web"' | ini_value(interpolation=true) }} → 100%% "web"
    """
    text = _without_nul(value)
    if "\n" in text or "\r" in text:
        raise ValueError("an INI file cannot hold a line break in a value")
    if text.strip() != text:
        raise ValueError("an INI file cannot hold blanks at an end of a value")
    if "%" in text and interpolation is None:
        raise ValueError("readers of INI files differ in %: say ini_value(interpolation=true) or false")
    return text.replace("%", "%%") if interpolation else text


def toml_string(value: Any) -> str:
    r"""Write a text as a string for TOML.

    {{ 'a "b"' | toml_string }} → "a \"b\""
    """
    return _double_quoted(printable(value))


def yaml_string(value: Any) -> str:
    r"""Write a text as a string for YAML, the same in YAML 1.1 and 1.2.

    {{ 'no: "x"' | yaml_string }} → "no: \"x\""
    """
    return _double_quoted(printable(value))


def hcl_string(value: Any) -> str:
    r"""Write a text as a string for HCL 2, as Terraform, Packer, Nomad, Consul and Vault read it.

    Terraform brings what it reads into Unicode's form NFC.

    {{ '${x} "b"' | hcl_string }} → "$${x} \"b\""
    """
    return _double_quoted(printable(value)).replace("${", "$${").replace("%{", "%%{")


def rsyslog_string(value: Any) -> str:
    r"""Write a text as a string for a parameter of rsyslog, such as the value of a constant in a template.

    {{ 'C:\\ "x"' | rsyslog_string }} → "C:\\\\ \"x\""
    """
    # It is unescaped twice; of the first time, by rsyslog's lexer, only these two escapes are sure.
    text = _without_nul(value).translate({ord("\\"): r"\\\\", ord('"'): r"\"", ord("\n"): r"\n"})
    return f'"{text}"'


def html(value: Any) -> str:
    r"""Write a text for HTML, in an element or a quoted attribute; what a browser would obey becomes an escape.

    {{ '<b title="x">\x1b' | html }} → &lt;b title=&#34;x&#34;&gt;\x1b
    """
    return str(escape(_OBEYED.sub(lambda match: match[0].encode("unicode_escape").decode(), printable(value))))


def prom_label(value: Any) -> str:
    r"""Write a text as the value of a label for Prometheus, in its text format.

    {{ 'C:\\ "x"' | prom_label }} → "C:\\ \"x\""
    """
    return '"' + printable(value).translate({ord("\\"): r"\\", ord('"'): r"\"", ord("\n"): r"\n"}) + '"'


def _without_nul(value: Any) -> str:
    text = printable(value)
    if "\0" in text:
        raise ValueError("a NUL cannot be written here")
    return text


_ESCAPED = re.compile('["\\\\\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]')
"""What TOML, YAML, HCL or systemd takes for more than itself, or not at all, inside double quotes."""

_OBEYED = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufdd0-\ufdef\ufeff\ufffe\uffff]"
)
"""What is not text but steers it, turning it round above all, or may not stand in HTML."""

_SHORT = {"\n": r"\n", "\r": r"\r", "\t": r"\t", '"': r"\"", "\\": r"\\"}


def _double_quoted(text: str) -> str:
    """Return the text in double quotes, with those escapes alone that TOML, YAML, HCL and systemd share."""
    return '"' + _ESCAPED.sub(lambda match: _SHORT.get(match[0], f"\\u{ord(match[0]):04x}"), text) + '"'
