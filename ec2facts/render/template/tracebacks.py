"""Where in templates an error was raised, by the traceback that Jinja rewrites."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from types import TracebackType

Place = tuple[str, "int | None"]
"""A file, and a line of it."""


def places(error: Exception, headed: Collection[str]) -> list[Place]:
    """Return every template and macro on the way to an error, outermost first.

    ``headed`` are the templates that begin with a header, which is no line for Jinja.
    """
    found: list[Place] = []
    for traceback in _in_templates(error):
        file = traceback.tb_frame.f_code.co_filename
        if file == "<unknown>":  # Jinja's lexer gives the name of the template in the place of its file
            file = getattr(error, "name", None) or file
        place = (file, traceback.tb_lineno + (file in headed))
        if place not in found[-1:]:
            found.append(place)
    return found


def includes_itself(error: Exception) -> bool:
    """Tell whether a template, as opposed to a macro of it, was reached from itself."""
    codes = [traceback.tb_frame.f_code for traceback in _in_templates(error)]
    files = [code.co_filename for code in codes if code.co_name == "top-level template code"]
    return len(files) > len(set(files))


def _in_templates(error: Exception) -> Iterator[TracebackType]:
    traceback = error.__traceback__
    while traceback is not None:
        # Jinja puts such frames in the place of those of compiled templates.
        if "__jinja_exception__" in traceback.tb_frame.f_globals:
            yield traceback
        traceback = traceback.tb_next
