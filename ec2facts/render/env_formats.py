"""The formats of an env file: how each encodes a variable, and which values it refuses."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from ec2facts.text import escape_unprintable

Refusal = Callable[[str, str], "str | None"]
"""Returns the reason why a format cannot hold a variable, or None if it can. The reason never quotes the value."""

MAX_ARG_STRLEN = 131072
"""Linux limits ``NAME=value`` and its NUL to this many bytes; a longer one makes every exec fail with E2BIG."""

DOCKER_LINE = 65535
"""docker refuses a file with a line of more bytes."""


class Format(NamedTuple):
    """A format of env files; ``description`` names the programs that read it."""

    description: str
    quote: Callable[[str], str]
    refusals: Sequence[Refusal] = ()
    entry: str = "{}={}\n"
    has_comments: bool = True

    def refusal(self, name: str, value: str) -> str | None:
        """Return the reason why the format cannot hold the variable, or None if it can."""
        return next(filter(None, (refusal(name, value) for refusal in (*_ALWAYS, *self.refusals))), None)

    def encode(self, name: str, value: str) -> str:
        """Return the assignment of a variable; check ``refusal`` first."""
        return self.entry.format(name, self.quote(value))

    def comment(self, text: str) -> str:
        """Return ``text`` as one comment line, or "" if the format has no comments."""
        line = escape_unprintable(text)
        # systemd joins a comment that ends in a backslash to the next line.
        return f"# {line}{'.' * line.endswith(chr(92))}\n" if self.has_comments else ""


def _holds(characters: str, what: str) -> Refusal:
    """Refuse values that hold one of ``characters``, the inside of a regular expression's character class."""
    pattern = re.compile(f"[{characters}]")
    return lambda name, value: f"the value holds {what}" if pattern.search(value) else None


def _longer_than(limit: int, written: Callable[[str], str] = str) -> Refusal:
    def refusal(name: str, value: str) -> str | None:
        size = len(f"{name}={written(value)}".encode())
        return f"NAME=value is {size} bytes long; the limit is {limit}" if size > limit else None

    return refusal


def _sh(value: str) -> str:
    # Not '\'': systemd reads everything after an unquoted part literally.
    return "'" + value.replace("'", "'\"'\"'") + "'"


def _docker(value: str) -> str:
    # docker strips one CR from the end of a line.
    return value + "\r" if value.endswith("\r") else value


def _dotenv(value: str) -> str:
    # python-dotenv expands ${…} in every kind of quotes; ${:-$} has no name, so it expands to its default, "$".
    text = value.replace("${", "${:-$}{")
    if re.fullmatch(r"[A-Za-z0-9_./:@%+,\\-]+", text):
        return text
    if not re.search(r"['\\\r]", text):
        return f"'{text}'"
    text = text.translate({ord("\\"): r"\\", ord('"'): r"\"", ord("\r"): r"\r", ord("\n"): r"\n"})
    # Before 1.2.3 even an escaped backslash escapes the closing quote; an empty expansion separates the two.
    return f'"{text}${{:-}}"' if text.endswith("\\") else f'"{text}"'


def _fish(value: str) -> str:
    return "'" + value.replace("\\", r"\\").replace("'", r"\'") + "'"


_ALWAYS = (_holds("\0", "a NUL"), _holds("\ud800-\udfff", "a lone surrogate, which no encoding can hold"))
_EXEC = _longer_than(MAX_ARG_STRLEN - 1)
_NONCHARACTERS = "\ufdd0-\ufdef" + "".join(chr(plane << 16 | low) for plane in range(17) for low in (0xFFFE, 0xFFFF))

FORMATS: Mapping[str, Format] = {
    "sh": Format("for POSIX shells", _sh, [_EXEC]),
    "systemd": Format(
        "for EnvironmentFile= of systemd units; the same bytes as sh",
        _sh,
        [_EXEC, _holds(_NONCHARACTERS, "a Unicode noncharacter, which makes systemd refuse the whole file")],
    ),
    "docker": Format(
        "for docker run --env-file",
        _docker,
        [_holds("\n", "a newline"), _longer_than(DOCKER_LINE, _docker)],
    ),
    "dotenv": Format("for python-dotenv; other .env parsers differ", _dotenv, [_EXEC]),
    "fish": Format("for the fish shell; every variable is exported", _fish, [_EXEC], "set -gx {} {}\n"),
    "null": Format("NAME=value, each ended by a NUL byte, like env -0", str, entry="{}={}\0", has_comments=False),
}
"""Every format by name."""
