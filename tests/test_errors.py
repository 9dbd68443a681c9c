from __future__ import annotations

import inspect
import re
from collections.abc import Iterator

import pytest
import requests

from ec2facts import errors
from ec2facts.errors import (
    AbsentError,
    DecodeError,
    DisabledError,
    EC2FactsError,
    IncompleteError,
    NotReadyError,
    SnapshotError,
    TemplateError,
    UnavailableError,
    UnreadError,
    UnrepresentableError,
    WithheldError,
)
from ec2facts.imds.reply import FailedRequestError, Reply
from ec2facts.imds.session import SessionTransport

TREE: list[type[EC2FactsError]] = [
    kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, EC2FactsError)
]


def drawn() -> list[tuple[int, str, int]]:
    """Return the depth, the name and the exit status of each class in the docstring, from top to bottom."""
    lines = re.findall(r"^    ([ │├└─]*)(\w+Error) +(\d+)(?=$|  )", errors.__doc__ or "", re.MULTILINE)
    return [(len(indent) // 4, name, int(status)) for indent, name, status in lines]


def real(kind: type[EC2FactsError] = EC2FactsError, depth: int = 0) -> Iterator[tuple[int, str, int]]:
    """Yield the expected tree of the docstring, children in the order of their definition."""
    yield depth, kind.__name__, kind.exit_status
    children = [child for child in TREE if child.__bases__[0] is kind]
    for child in sorted(children, key=lambda each: inspect.getsourcelines(each)[1]):
        yield from real(child, depth + 1)


def test_docstring_draws_the_tree_of_the_classes() -> None:
    assert drawn() == list(real())


def test_docstring_draws_every_error() -> None:
    assert {name for _, name, _ in drawn()} == {kind.__name__ for kind in TREE}


@pytest.mark.parametrize("kind", TREE)
def test_every_error_has_a_docstring(kind: type[EC2FactsError]) -> None:
    assert re.match(r"[A-Z`].*\.$", (inspect.getdoc(kind) or "").replace("\n", " "))


@pytest.mark.parametrize(
    ("cause", "kind"),
    [
        (Reply(404, {}, b"", requests.Response()), requests.HTTPError),
        (FailedRequestError("connect timeout", ""), requests.ConnectTimeout),
        (FailedRequestError("reply timeout", ""), requests.ReadTimeout),
        (FailedRequestError("deadline", ""), requests.Timeout),
        (FailedRequestError("refused", ""), requests.ConnectionError),
        (FailedRequestError("reset", ""), requests.ConnectionError),
    ],
    ids=str,
)
@pytest.mark.parametrize(
    "error",
    [
        AbsentError("meta-data/mac"),
        UnreadError("meta-data/mac", "HTTP 503", status=503),
        UnavailableError("http://127.0.0.1:1", "no token", status=404),
        DisabledError("http://127.0.0.1:1", "switched off"),
        NotReadyError("http://127.0.0.1:1", "no meta-data/"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_error_of_a_session_is_also_the_matching_exception_of_requests(
    error: EC2FactsError, cause: Reply | FailedRequestError, kind: type[Exception]
) -> None:
    with requests.Session() as session:
        both = SessionTransport("http://127.0.0.1:1", session).own_error(error, cause)

    assert isinstance(both, type(error))
    assert isinstance(both, kind)
    assert (str(both), both.exit_status) == (str(error), error.exit_status)
    assert vars(error).items() <= vars(both).items()
    assert getattr(both, "response", None) is getattr(cause, "response", None)


def test_decode_error_is_a_value_error() -> None:
    assert issubclass(DecodeError, ValueError)


@pytest.mark.parametrize(
    ("error", "message", "data"),
    [
        (
            UnavailableError("http://127.0.0.1:1", "connection refused"),
            "the metadata service at http://127.0.0.1:1 is unavailable: connection refused",
            {"endpoint": "http://127.0.0.1:1", "reason": "connection refused"},
        ),
        (
            AbsentError("meta-data/kernel-id"),
            "meta-data/kernel-id is absent: the service answers 404",
            {"path": "meta-data/kernel-id", "reason": "the service answers 404"},
        ),
        (
            UnreadError("meta-data/mac", "HTTP 503", status=503),
            "meta-data/mac could not be read: HTTP 503",
            {"path": "meta-data/mac", "reason": "HTTP 503", "status": 503},
        ),
        (
            DecodeError("meta-data/ami-launch-index", "not a decimal number"),
            "meta-data/ami-launch-index could not be read: not a decimal number",
            {"path": "meta-data/ami-launch-index", "reason": "not a decimal number", "status": None},
        ),
        (
            WithheldError("user-data", "user_data"),
            "user-data is withheld; ask for it with --include user_data",
            {"path": "user-data", "include": "user_data", "reason": "included only with --include user_data"},
        ),
        (
            IncompleteError({"meta-data/mac": "HTTP 503", "user-data": "HTTP 500"}),
            "2 paths unread: meta-data/mac: HTTP 503; user-data: HTTP 500; use --allow-partial to leave them out",
            {"unread": {"meta-data/mac": "HTTP 503", "user-data": "HTTP 500"}},
        ),
        (
            SnapshotError("mine.json", "not JSON"),
            "mine.json: not JSON",
            {"file": "mine.json", "reason": "not JSON", "entry": None},
        ),
        (
            SnapshotError("mine.json", "not a JSON object", entry="user-data"),
            "mine.json: entry 'user-data': not a JSON object",
            {"file": "mine.json", "reason": "not a JSON object", "entry": "user-data"},
        ),
        (TemplateError("'region' is undefined"), "'region' is undefined", {"file": None, "line": None}),
        (
            TemplateError("'region' is undefined", file="motd.j2", line=3),
            "motd.j2:3: 'region' is undefined",
            {"file": "motd.j2", "line": 3},
        ),
        (
            UnrepresentableError("docker", {"EC2_TAGS_NOTE": "it holds a newline", "EC2_X": "it holds a NUL"}),
            "the format docker cannot hold EC2_TAGS_NOTE: it holds a newline; EC2_X: it holds a NUL",
            {"format_name": "docker", "offenders": {"EC2_TAGS_NOTE": "it holds a newline", "EC2_X": "it holds a NUL"}},
        ),
    ],
)
def test_error_has_a_message_and_its_data(error: EC2FactsError, message: str, data: dict[str, object]) -> None:
    assert str(error) == message
    assert {name: getattr(error, name) for name in data} == data


def test_incomplete_error_groups_equal_reasons_and_names_20_paths() -> None:
    unread = {f"meta-data/tags/instance/{number}": "HTTP 429, throttled" for number in range(22)}

    error = IncompleteError({"user-data": "HTTP 500", **unread}, total=217)

    named = ", ".join(list(unread)[:19])
    assert str(error) == (
        f"23 of 217 paths unread: user-data: HTTP 500; {named}: HTTP 429, throttled; and 3 more; "
        "try --max-rate 20, or use --allow-partial to leave them out"
    )
    assert len(error.unread) == 23


HOSTILE = "a\x1b[2J\r\nb\u202ec\ud800"
"""Text from a service that would move a terminal's cursor, forge a log line or fail to encode."""


@pytest.mark.parametrize(
    "error",
    [
        UnavailableError("http://127.0.0.1:1", HOSTILE),
        AbsentError(HOSTILE, HOSTILE),
        UnreadError(HOSTILE, HOSTILE),
        DecodeError(HOSTILE, HOSTILE),
        WithheldError(HOSTILE, HOSTILE),
        IncompleteError({HOSTILE: HOSTILE}),
    ],
    ids=lambda error: type(error).__name__,
)
def test_error_escapes_text_from_the_service(error: EC2FactsError) -> None:
    assert str(error).isprintable()
    assert r"a\x1b[2J\r\nb\u202ec\ud800" in str(error)


def test_error_copies_its_arguments() -> None:
    unread = {"meta-data/mac": "HTTP 503"}

    error = IncompleteError(unread)
    unread.clear()

    assert error.unread == {"meta-data/mac": "HTTP 503"}
