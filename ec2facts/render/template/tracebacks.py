"""Template locations from a traceback that Jinja has rewritten."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from types import TracebackType

Place = tuple[str, "int | None"]
"""A file and a line number."""


def places(error: Exception, with_header: Collection[str]) -> list[Place]:
    """Return the file and the line of each template or macro call that led to an error, outermost first.

    ``with_header`` names the templates with a header, a line that Jinja does not count.
    """
    found: list[Place] = []
    for traceback in _in_templates(error):
        file = traceback.tb_frame.f_code.co_filename
        if file == "<unknown>":  # a lexer error carries only the name
            file = getattr(error, "name", None) or file
        place = (file, traceback.tb_lineno + (file in with_header))
        if place not in found[-1:]:
            found.append(place)
    return found


def includes_itself(error: Exception) -> bool:
    """Return whether a template includes or imports itself; a macro can call itself."""
    codes = [traceback.tb_frame.f_code for traceback in _in_templates(error)]
    files = [code.co_filename for code in codes if code.co_name == "top-level template code"]
    return len(files) > len(set(files))


def _in_templates(error: Exception) -> Iterator[TracebackType]:
    traceback = error.__traceback__
    while traceback is not None:
        # Jinja replaces the frames of compiled templates with frames that hold this global.
        if "__jinja_exception__" in traceback.tb_frame.f_globals:
            yield traceback
        traceback = traceback.tb_next
