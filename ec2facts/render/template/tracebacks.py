"""The places in templates that a traceback names, after Jinja has rewritten it."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from types import TracebackType

Place = tuple[str, "int | None"]
"""A file and a line in it."""


def places(error: Exception, headed: Collection[str]) -> list[Place]:
    """Return the template or macro and the line of each call on the way to an error, outermost first.

    ``headed`` are the templates with a header, which Jinja does not count as a line.
    """
    found: list[Place] = []
    for traceback in _in_templates(error):
        file = traceback.tb_frame.f_code.co_filename
        if file == "<unknown>":  # an error of Jinja's lexer has the name alone
            file = getattr(error, "name", None) or file
        place = (file, traceback.tb_lineno + (file in headed))
        if place not in found[-1:]:
            found.append(place)
    return found


def includes_itself(error: Exception) -> bool:
    """Tell whether a template includes or imports itself; a macro may call itself."""
    codes = [traceback.tb_frame.f_code for traceback in _in_templates(error)]
    files = [code.co_filename for code in codes if code.co_name == "top-level template code"]
    return len(files) > len(set(files))


def _in_templates(error: Exception) -> Iterator[TracebackType]:
    traceback = error.__traceback__
    while traceback is not None:
        # Jinja replaces the frames of compiled templates by frames with this name.
        if "__jinja_exception__" in traceback.tb_frame.f_globals:
            yield traceback
        traceback = traceback.tb_next
