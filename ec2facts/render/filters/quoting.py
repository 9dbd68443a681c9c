"""Filters that quote a text for one syntax, to be parsed back unchanged; they refuse what the syntax cannot hold.

Every public function is a filter of that name; registry.py describes the form of the docstrings.
"""

from __future__ import annotations

import re
import shlex
from typing import Any

from markupsafe import escape

from ec2facts.render.env_formats import FORMATS
from ec2facts.render.printable import printable

NGINX_PARAMETER = 4093
"""The most bytes that nginx accepts between the quotes of a parameter, unless it is the last one."""


def quote(value: Any) -> str:
    """Quote a text as one word for a POSIX shell.

    {{ "it's $HOME" | quote }} → 'it'"'"'s $HOME'
    """
    return shlex.quote(_without_nul(value))


shell_quote = quote


def nginx_quote(value: Any) -> str:
    r"""Quote a text as one parameter of an nginx directive that takes variables: add_header, return, set, log_format.

    nginx has no escape for ``$``: a value with one needs the line ``geo $dollar { default "$"; }`` in the ``http``
    block. In directives that take no variables, such as ``server_name`` and ``listen``, use |dns_name and |ip. Begin
    ``log_format`` with other text: nginx would read a first value such as ``escape=json`` as an option.

    {{ 'a "b" costs $5' | nginx_quote }} → "a \"b\" costs ${dollar}5"
    """
    text = _without_nul(value).translate({ord("\\"): r"\\", ord('"'): r"\"", ord("$"): "${dollar}"})
    if len(text.encode()) > NGINX_PARAMETER:
        raise ValueError(f"an nginx parameter holds at most {NGINX_PARAMETER} bytes")
    return f'"{text}"'


def header_value(value: Any, name: str = "an HTTP header") -> str:
    """Return the value of an HTTP header unchanged; refuse control characters and outer blanks.

    ``name`` is the header's name in the error.

    {{ 'i-0abc (web)' | header_value | nginx_quote }} → "i-0abc (web)"
    """
    text = printable(value)
    if re.search(r"[\x00-\x08\x0a-\x1f\x7f]", text) or text.strip(" \t") != text:
        raise ValueError(f"{name} cannot hold control characters or outer blanks")
    return text


def haproxy_quote(value: Any) -> str:
    """Quote a text as one word for haproxy.

    In a log format, such as the value of a header, replace ``%`` with ``%%`` first.

    {{ "it's 100% $HOME" | replace('%', '%%') | haproxy_quote }} → 'it'"'"'s 100%% $HOME'
    """
    text = _without_nul(value)
    if "\n" in text or "\r" in text:
        raise ValueError("a haproxy word cannot hold a line break")
    return shlex.quote(text)


def systemd_quote(value: Any) -> str:
    r"""Quote a text as one word for a setting of a systemd unit that takes quotes, such as Environment=.

    Do not use it in ExecStart=, where ``$`` begins a variable: pass the text in the environment.

    {{ 'GREETING=50% of "x"' | systemd_quote }} → "GREETING=50%% of \"x\""
    """
    text = _without_nul(value)
    refusal = FORMATS["systemd"].refusal("", text)
    if refusal:
        raise ValueError(refusal)
    return _double_quoted(text).replace("%", "%%")


def env_line(value: Any, format: str, name: str) -> str:  # noqa: A002 (what the option is called)
    """Return the env file line that sets the variable ``name``, in a ``format`` of ``ec2facts env``.

    {{ 'a b' | env_line('sh', 'GREETING') }} → GREETING='a b'
    """
    if format not in FORMATS:
        raise ValueError(f"no format {format!r}, choose from {', '.join(FORMATS)}")
    if not re.fullmatch("[A-Za-z_][A-Za-z0-9_]*", name):
        raise ValueError("not a variable name: use letters, digits and _, no digit first")
    text = printable(value).lower() if isinstance(value, bool) else printable(value)
    refusal = FORMATS[format].refusal(name, text)
    if refusal:
        raise ValueError(refusal)
    line = FORMATS[format].encode(name, text)
    return line[:-1] if line.endswith("\n") else line


def ini_value(value: Any, *, interpolation: bool | None = None) -> str:
    """Return a text as the value of an option in an INI file for Python's configparser.

    ConfigParser reads ``%%`` as ``%``; RawConfigParser, like most parsers, does not. A text with ``%`` is refused
    unless ``interpolation`` says which one reads the file. No quotes are added: configparser would keep them.

    {{ '100% "web"' | ini_value(interpolation=true) }} → 100%% "web"
    """
    text = _without_nul(value)
    if "\n" in text or "\r" in text:
        raise ValueError("a value in an INI file cannot hold a line break")
    if text.strip() != text:
        raise ValueError("a value in an INI file cannot hold outer blanks")
    if "%" in text and interpolation is None:
        raise ValueError("INI parsers differ in %: use ini_value(interpolation=true) or false")
    return text.replace("%", "%%") if interpolation else text


def toml_string(value: Any) -> str:
    r"""Quote a text as a TOML string.

    {{ 'a "b"' | toml_string }} → "a \"b\""
    """
    return _double_quoted(printable(value))


def yaml_string(value: Any) -> str:
    r"""Quote a text as a string in YAML 1.1 and 1.2.

    {{ 'no: "x"' | yaml_string }} → "no: \"x\""
    """
    return _double_quoted(printable(value))


def hcl_string(value: Any) -> str:
    r"""Quote a text as an HCL 2 string: Terraform, Packer, Nomad, Consul and Vault.

    Terraform normalizes strings to Unicode NFC.

    {{ '${x} "b"' | hcl_string }} → "$${x} \"b\""
    """
    return _double_quoted(printable(value)).replace("${", "$${").replace("%{", "%%{")


def rsyslog_string(value: Any) -> str:
    r"""Quote a text as an rsyslog parameter, such as the value of a constant in a template.

    {{ 'C:\\ "x"' | rsyslog_string }} → "C:\\\\ \"x\""
    """
    # rsyslog unescapes twice: in its lexer, where only \\ and \" are reliable, then in the template.
    text = _without_nul(value).translate({ord("\\"): r"\\\\", ord('"'): r"\"", ord("\n"): r"\n"})
    return f'"{text}"'


def html(value: Any) -> str:
    r"""Escape a text for an HTML element or a quoted attribute; control characters become visible escapes.

    {{ '<b title="x">\x1b' | html }} → &lt;b title=&#34;x&#34;&gt;\x1b
    """
    return str(escape(_OBEYED.sub(lambda match: match[0].encode("unicode_escape").decode(), printable(value))))


def prom_label(value: Any) -> str:
    r"""Quote a text as a label value in the Prometheus text format.

    {{ 'C:\\ "x"' | prom_label }} → "C:\\ \"x\""
    """
    return '"' + printable(value).translate({ord("\\"): r"\\", ord('"'): r"\"", ord("\n"): r"\n"}) + '"'


def _without_nul(value: Any) -> str:
    text = printable(value)
    if "\0" in text:
        raise ValueError("the value holds a NUL")
    return text


_ESCAPED = re.compile('["\\\\\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]')
"""Characters that TOML, YAML, HCL or systemd need escaped inside double quotes."""

_OBEYED = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufdd0-\ufdef\ufeff\ufffe\uffff]"
)
"""Characters that HTML forbids, or that change how a browser shows the surrounding text."""

_SHORT = {"\n": r"\n", "\r": r"\r", "\t": r"\t", '"': r"\"", "\\": r"\\"}


def _double_quoted(text: str) -> str:
    """Quote the text with double quotes and only the escapes that TOML, YAML, HCL and systemd share."""
    return '"' + _ESCAPED.sub(lambda match: _SHORT.get(match[0], f"\\u{ord(match[0]):04x}"), text) + '"'
