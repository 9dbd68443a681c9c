"""Filters for text: regular expressions, comments, the parts of a file name.

Every public function is a filter by its name; see filters.py for the form of the docstrings.
"""

from __future__ import annotations

import posixpath
import re
from typing import Any

from ec2facts.render.expressions import compiled
from ec2facts.render.printable import printable

_COMMENTS = {
    "plain": ("", "# ", ""),
    "erlang": ("", "% ", ""),
    "c": ("", "// ", ""),
    "cblock": ("/*", " * ", " */"),
    "xml": ("<!--", " - ", "-->"),
}
"""What stands before a comment, before each of its lines and behind it, by style; Ansible's."""

_ENDS = {"cblock": "*/", "xml": "--"}
"""What ends the comments that go on over the end of a line."""


def regex_replace(
    value: Any,
    pattern: str,
    replacement: str = "",
    ignorecase: bool = False,  # noqa: FBT001, FBT002 (in the place that Ansible has it)
    multiline: bool = False,  # noqa: FBT001, FBT002 (likewise)
    count: int = 0,
) -> str:
    r"""Replace what matches a regular expression; the replacement may hold \\1 and such.

    {{ 'eu-west-1a' | regex_replace('[a-z]$', '') }} → eu-west-1
    """
    expression = compiled(pattern, ignorecase, multiline)
    try:
        return expression.sub(replacement, printable(value), count=count)
    except (re.error, IndexError) as error:
        raise ValueError(f"not a replacement: {error}; a backslash is written twice") from error


def regex_search(
    value: Any, pattern: str, *groups: str, ignorecase: bool = False, multiline: bool = False
) -> str | list[str] | None:
    r"""Return what first matches a regular expression, or a list of its groups (\\1, \\g<name>); none without a match.

    {{ 'm7g.large' | regex_search('^[a-z]+[0-9]') }} → m7
    """
    match = compiled(pattern, ignorecase, multiline).search(printable(value))
    if match is None:
        return None
    try:
        return [match.expand(group) for group in groups] if groups else match[0]
    except (re.error, IndexError) as error:
        raise ValueError(f"no group of the expression: {error}") from error


def regex_findall(
    value: Any,
    pattern: str,
    multiline: bool = False,  # noqa: FBT001, FBT002 (in the place that Ansible has it)
    ignorecase: bool = False,  # noqa: FBT001, FBT002 (likewise)
) -> list[Any]:
    """Return a list of all that matches a regular expression.

    {{ 'sda1 sdb1' | regex_findall('sd[a-z]') | join(',') }} → sda,sdb
    """
    return compiled(pattern, ignorecase, multiline).findall(printable(value))


def regex_escape(value: Any) -> str:
    r"""Write a text so that as a regular expression it matches itself.

    {{ '10.0.0.1' | regex_escape }} → 10\.0\.0\.1
    """
    return re.escape(printable(value))


def matching(value: Any, pattern: str, msg: str | None = None) -> str:
    """Take a text that a regular expression matches as a whole; refuse the rest, in words of one's own if need be.

    {{ 'web-1' | matching('[a-z0-9-]+') }} → web-1
    """
    text = printable(value)
    if not compiled(pattern).fullmatch(text):
        raise ValueError(msg or f"does not match {pattern!r}")
    return text


def comment(
    value: Any,
    style: str = "plain",
    *,
    decoration: str | None = None,
    prefix: str | None = None,
    postfix: str | None = None,
) -> str:
    """Write a text as a comment: plain, erlang, c, cblock or xml, or with a decoration of one's own for each line.

    ``prefix`` and ``postfix`` are what stands in place of the empty lines around it, complete as they are.

    The empty lines around it are Ansible's; behind a line that ends in a backslash the next one may be lost.

    {{ 'set by ec2facts' | comment }} →
        #
        # set by ec2facts
        #
    """
    if style not in _COMMENTS:
        raise ValueError(f"no style {style!r}, choose from {', '.join(_COMMENTS)}")
    beginning, line_start, end = _COMMENTS[style]
    line_start = line_start if decoration is None else decoration
    text = printable(value)
    if re.search("[\\0\r\v\f\x1c-\x1e\x85\u2028\u2029]", text):
        raise ValueError("a comment cannot hold what some take for the end of a line")
    empty = line_start.rstrip()
    lines = [line_start + line if line else empty for line in text.split("\n")]
    lines = [empty if prefix is None else prefix, *lines, empty if postfix is None else postfix]
    if style in _ENDS and any(_ENDS[style] in line for line in lines):
        raise ValueError(f"the comment cannot hold {_ENDS[style]}")
    return "\n".join([*filter(None, [beginning]), *lines, *filter(None, [end])])


def visible(value: Any) -> str:
    r"""Write a text for people: one line, all that does not print as an escape, as Python writes it.

    A terminal obeys control characters, and one of them begins commands.

    {{ 'tab\there' | visible }} → tab\there
    """
    text = printable(value).replace("\\", r"\\")
    return "".join(part if part.isprintable() else part.encode("unicode_escape").decode() for part in text)


def split(value: Any, sep: str | None = None, maxsplit: int = -1) -> list[str]:
    """Return the parts of a text between separators, by default between blanks.

    {{ 'a,b' | split(',') | last }} → b
    """
    return printable(value).split(sep, maxsplit)


def splitext(value: Any) -> list[str]:
    """Return a file name in two parts, the second of which is its suffix.

    {{ 'etc/app.conf' | splitext | last }} → .conf
    """
    return list(posixpath.splitext(printable(value)))


def basename(value: Any) -> str:
    """Return the last part of a path.

    {{ 'arn:aws:iam::012345678901:instance-profile/web' | basename }} → web
    """
    return posixpath.basename(printable(value))


def dirname(value: Any) -> str:
    """Return a path without its last part.

    {{ '/etc/nginx/nginx.conf' | dirname }} → /etc/nginx
    """
    return posixpath.dirname(printable(value))
