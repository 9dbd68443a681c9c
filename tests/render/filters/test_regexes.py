"""A regular expression cannot block a rendering."""

from __future__ import annotations

import signal
from concurrent.futures import ThreadPoolExecutor

import pytest

from ec2facts.render.filters.regexes import compiled, time_limit
from ec2facts.render.printable import RefusalError


def test_endless_match_is_interrupted_and_the_signal_handler_restored() -> None:
    before = signal.getsignal(signal.SIGVTALRM)

    with pytest.raises(RefusalError, match="takes more than 1 s; nested repeats may be why"), time_limit():
        compiled("(a|a)+b").match("a" * 60)

    assert signal.getsignal(signal.SIGVTALRM) == before
    assert signal.getitimer(signal.ITIMER_VIRTUAL) == (0, 0)


def test_other_threads_match_without_the_limit() -> None:
    def matched() -> bool:
        with time_limit():
            return bool(compiled("a+b").match("aab"))

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(matched).result()


def test_malformed_expression_is_refused_without_its_text() -> None:
    with pytest.raises(RefusalError, match=r"^invalid regular expression: error at position \d+$"):
        compiled("ab(hunter2")
