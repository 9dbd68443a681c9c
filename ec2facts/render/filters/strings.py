"""Filters for text: regular expressions, comments, paths and URLs.

Every public function is a filter of that name; registry.py describes the form of the docstrings.
"""

from __future__ import annotations

import posixpath
import re
import urllib.parse
from typing import Any

from ec2facts.render.filters.regexes import backslashed, compiled, time_limit
from ec2facts.render.printable import printable
from ec2facts.text import escape_unprintable

_COMMENTS = {
    "plain": {"decoration": "# "},
    "erlang": {"decoration": "% "},
    "c": {"decoration": "// "},
    "cblock": {"beginning": "/*", "decoration": " * ", "end": " */"},
    "xml": {"beginning": "<!--", "decoration": " - ", "end": "-->"},
}
"""Ansible's styles: the lines around a comment and the start of each line."""

_ENDS = {"cblock": "*/", "xml": "--"}
"""The texts that end a comment early, by style."""

_URL_PARTS = ("scheme", "netloc", "username", "password", "hostname", "port", "path", "query", "fragment")


def regex_replace(
    value: Any,
    pattern: str,
    replacement: str = "",
    ignorecase: bool = False,  # noqa: FBT001, FBT002 (in the place that Ansible has it)
    multiline: bool = False,  # noqa: FBT001, FBT002 (likewise)
    count: int = 0,
) -> str:
    r"""Replace every match of a regular expression, or the first ``count``; ``\\1`` in the replacement is a group.

    Write each backslash twice, here and in every filter with an expression. ``ignorecase`` ignores case, ``multiline``
    lets ``^`` and ``$`` match at every line. A match is refused after a second of CPU time.

    {{ 'eu-west-1a' | regex_replace('[a-z]$', '') }} → eu-west-1
    """
    expression = compiled(pattern, ignorecase, multiline)
    try:
        with time_limit():
            return expression.sub(backslashed(replacement), printable(value), count=count)
    except (re.error, IndexError):
        raise ValueError("invalid replacement: no such group, or a backslash that is not written twice") from None


def regex_search(
    value: Any, regex: str, *groups: str, ignorecase: bool = False, multiline: bool = False
) -> str | list[Any] | None:
    r"""Return the first match of a regular expression, or a list of its ``groups``; ``none`` if nothing matches.

    A group is ``\\1`` or ``\\g<name>``; a group that did not match is ``none``. ``ignorecase`` and ``multiline`` are
    those of |regex_replace.

    {{ 'm7g.large' | regex_search('^[a-z]+[0-9]') }} → m7
    """
    wanted = [_group(printable(group)) for group in groups]
    with time_limit():
        match = compiled(regex, ignorecase, multiline).search(printable(value))
    if match is None:
        return None
    try:
        return [match[group] for group in wanted] if wanted else match[0]
    except IndexError:
        raise ValueError(f"the expression lacks one of the groups {', '.join(groups)}") from None


def regex_findall(
    value: Any,
    regex: str,
    multiline: bool = False,  # noqa: FBT001, FBT002 (in the place that Ansible has it)
    ignorecase: bool = False,  # noqa: FBT001, FBT002 (likewise)
) -> list[Any]:
    """Return all matches of a regular expression, or of its groups if it has any.

    ``ignorecase`` and ``multiline`` are those of |regex_replace.

    {{ 'sda1 sdb1' | regex_findall('sd[a-z]') | join(',') }} → sda,sdb
    """
    with time_limit():
        return compiled(regex, ignorecase, multiline).findall(printable(value))


def regex_escape(value: Any) -> str:
    r"""Escape a text to match itself in a regular expression.

    {{ '10.0.0.1' | regex_escape }} → 10\.0\.0\.1
    """
    return re.escape(printable(value))


def matching(value: Any, pattern: str, msg: str | None = None) -> str:
    """Return a text unchanged if a regular expression matches all of it; else refuse it with the message ``msg``.

    {{ 'web-1' | matching('[a-z0-9-]+', 'the tag Name is not a host name') }} → web-1
    """
    text = printable(value)
    with time_limit():
        match = compiled(pattern).fullmatch(text)
    if match is None:
        raise ValueError(msg or f"does not match {pattern!r}")
    return text


def comment(
    value: Any,
    style: str = "plain",
    *,
    decoration: str | None = None,
    beginning: str | None = None,
    prefix: str | None = None,
    postfix: str | None = None,
    end: str | None = None,
) -> str:
    """Format a text as a comment in the style plain, erlang, c, cblock or xml, or with your own ``decoration``.

    ``beginning`` and ``end`` are the first and the last line. ``prefix`` and ``postfix`` replace the empty comment
    lines at the start and the end; "" omits them. Some formats join a line that ends in a backslash with the next one.

    {{ 'set by ec2facts' | comment }} →
        #
        # set by ec2facts
        #
    """
    if style not in _COMMENTS:
        raise ValueError(f"no style {style!r}, choose from {', '.join(_COMMENTS)}")
    text = printable(value)
    if re.search("[\\0\r\v\f\x1c-\x1e\x85\u2028\u2029]", text):
        raise ValueError("a comment cannot hold a character that some programs read as a line break")
    own = {"decoration": decoration, "beginning": beginning, "prefix": prefix, "postfix": postfix, "end": end}
    parts = {**_COMMENTS[style], **{part: line for part, line in own.items() if line is not None}}
    empty = parts["decoration"].rstrip()
    lines = [parts["decoration"] + line if line else empty for line in text.split("\n")]
    lines = [*filter(None, [parts.get("prefix", empty)]), *lines, *filter(None, [parts.get("postfix", empty)])]
    for ending in filter(None, [_ENDS.get(style), (end or "").strip()]):
        if any(ending in line for line in lines):
            raise ValueError(f"the comment cannot hold {ending}")
    return "\n".join([*filter(None, [parts.get("beginning")]), *lines, *filter(None, [parts.get("end")])])


def visible(value: Any) -> str:
    r"""Return a text on one line, with Python's escapes for control characters, which could steer a terminal.

    {{ 'tab\there' | visible }} → tab\there
    """
    return escape_unprintable(printable(value).replace("\\", r"\\"))


def split(value: Any, sep: str | None = None, maxsplit: int = -1) -> list[str]:
    """Split a text at a separator (default: blanks), at most ``maxsplit`` times.

    {{ 'a,b' | split(',') | last }} → b
    """
    return printable(value).split(sep, maxsplit)


def splitext(value: Any) -> list[str]:
    """Split a file name before its suffix, into two parts.

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


def path_join(value: Any) -> str:
    """Join a list of parts to one path; a part that begins with a slash discards the parts before it.

    {{ ['/etc', 'nginx', 'nginx.conf'] | path_join }} → /etc/nginx/nginx.conf
    """
    return posixpath.join("", *map(printable, [value] if isinstance(value, str) else value))


def urlsplit(value: Any, query: str = "") -> Any:
    """Split a URL into a mapping of its parts, or return only the part named ``query``.

    The parts are scheme, netloc, path, query, fragment, username, password, hostname and port.

    {{ 'https://example.com:8443/health' | urlsplit('port') }} → 8443
    """
    text = printable(value)
    try:
        split = urllib.parse.urlsplit(text)
        parts = {name: getattr(split, name) for name in _URL_PARTS}
    except ValueError:  # its message may quote the URL
        raise ValueError("not a URL") from None
    if query and query not in parts:
        raise ValueError(f"no part {query!r}, choose from {', '.join(parts)}")
    return parts[query] if query else parts


def _group(group: str) -> int | str:
    r"""Parse the group ``\1`` or ``\g<name>``."""
    match = re.fullmatch(r"\\(?:([0-9]+)|g<(\w+)>)", group)
    if match is None:
        raise ValueError(r"a group is \\1 or \\g<name>")
    return int(match[1]) if match[1] else match[2]
