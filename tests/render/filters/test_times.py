"""Every time format of the service is parsed."""

from __future__ import annotations

import pytest

from ec2facts.render.filters.times import unix_time, utc_time


@pytest.mark.parametrize(
    ("value", "seconds", "text"),
    [
        ("2026-01-15T10:02:00Z", 1768471320, "2026-01-15 10:02:00 UTC"),
        ("2026-01-15T12:02:00+02:00", 1768471320, "2026-01-15 10:02:00 UTC"),
        ("2026-01-15T10:02:00", 1768471320, "2026-01-15 10:02:00 UTC"),
        ("15 Jan 2026 10:02:00 GMT", 1768471320, "2026-01-15 10:02:00 UTC"),
        ("5 Jan 2026 09:00:43 GMT", 1767603643, "2026-01-05 09:00:43 UTC"),
    ],
)
def test_time_is_read_in_every_form_of_the_service(value: str, seconds: int, text: str) -> None:
    assert (unix_time(value), utc_time(value)) == (seconds, text)


@pytest.mark.parametrize("value", ["", "soon", "99 Jan 2026 09:00:43 GMT", "2026-13-01T00:00:00Z", "\x00"])
def test_text_that_is_not_a_time_is_returned_unchanged(value: str) -> None:
    assert (unix_time(value), utc_time(value)) == (None, value)
