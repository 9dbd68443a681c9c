"""The exceptions of ec2facts, and the exit status of a command that ends with each.

    EC2FactsError                 1
    ├── UsageError                2   an option, a name or a setting is invalid
    │   └── ConfigError           2   the config of apply is invalid
    ├── UnavailableError          3   the metadata service does not answer, or something else answers
    │   ├── DisabledError         3   it is disabled, by HTTP 403 or by AWS_EC2_METADATA_DISABLED
    │   └── NotReadyError         3   it answers, but does not have the instance id yet
    ├── AbsentError               9   this instance has no such value (HTTP 404)
    ├── UnreadError               4   a value exists, or may exist, and could not be read
    │   └── DecodeError           4   its body does not have the declared form (also a ValueError)
    ├── WithheldError             1   a value is withheld unless it is included by name
    ├── IncompleteError           4   some paths were unread
    ├── SnapshotError             1   a snapshot file is malformed
    ├── TemplateError             5   a template is invalid, or uses an absent fact
    │   └── UnreadFactError       4   it uses an unread fact
    ├── UnrepresentableError      6   the output format cannot hold some facts
    ├── InstallError              1   a file cannot be replaced safely
    ├── StaleError                3   the service is unavailable, and the saved facts cannot be used
    ├── CheckError                7   a check refused the change of a file
    └── CommandError              8   a command failed after a change; the next run retries it

With a requests session, each error about the service is also the matching exception of requests (``HTTPError``,
``Timeout`` or ``ConnectionError``), so that code written for requests keeps catching it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from ec2facts.text import escape_unprintable

Cause = Literal[
    "unresolved",  # the endpoint's host name does not resolve
    "refused",  # nothing listens, or a firewall rejects the connection
    "no route",
    "prohibited",  # a route or a firewall of this machine
    "connect timeout",
    "reply timeout",  # connected, but no complete reply came in time
    "reset",  # the connection broke before the reply was complete
    "not HTTP",
    "TLS",
    "status",  # a complete reply with an unexpected HTTP status, in ``status``
    "no token",  # a reply with status 200 that holds no token
    "not ready",
    "deadline",  # the deadline for all requests passed
    "variable",  # AWS_EC2_METADATA_DISABLED
    "other",
]
"""Why a request to the service failed, as data."""


class EC2FactsError(Exception):
    """The base class of the exceptions of ec2facts."""

    exit_status: ClassVar[int] = 1


class UsageError(EC2FactsError):
    """An option, a name or a setting is invalid."""

    exit_status = 2


class ConfigError(UsageError):
    """The config ``file`` is invalid; ``line`` and ``key`` say where, if they are known."""

    def __init__(self, file: str, reason: str, *, line: int | None = None, key: str | None = None) -> None:
        self.file = file
        self.line = line
        self.key = key
        self.reason = reason
        where = ":".join(str(part) for part in (file, line) if part is not None)
        super().__init__(": ".join(part for part in (where, key, reason) if part is not None))


class UnavailableError(EC2FactsError):
    """The metadata service at ``endpoint`` does not answer, or something else answers in its place.

    ``cause`` is the cause as data. ``status`` and ``headers`` (names in lower case) come from the reply to the token
    request, if there was a reply.
    """

    exit_status = 3
    _state: ClassVar[str] = "unavailable"

    def __init__(
        self,
        endpoint: str,
        reason: str,
        *,
        cause: Cause = "other",
        status: int | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.endpoint = endpoint
        self.reason = escape_unprintable(reason)
        self.cause = cause
        self.status = status
        self.headers = dict(headers or {})
        super().__init__(f"the metadata service at {endpoint} is {self._state}: {self.reason}")


class DisabledError(UnavailableError):
    """The metadata service is disabled; a retry cannot succeed."""


class NotReadyError(UnavailableError):
    """The metadata service answers, but does not have the instance id yet: the instance is still booting."""

    _state = "not ready"


class AbsentError(EC2FactsError):
    """This instance has nothing at ``path``."""

    exit_status = 9

    def __init__(self, path: str, reason: str = "the service answers 404") -> None:
        self.path = path
        self.reason = reason
        super().__init__(escape_unprintable(f"{path} is absent: {reason}"))


class UnreadError(EC2FactsError):
    """``path`` could not be read, for ``reason``.

    ``status`` is the HTTP status if the service answered, ``cause`` the cause of a failed request as data.
    """

    exit_status = 4

    def __init__(self, path: str, reason: str, *, status: int | None = None, cause: Cause = "other") -> None:
        self.path = path
        self.reason = escape_unprintable(reason)
        self.status = status
        self.cause = cause
        super().__init__(f"{escape_unprintable(path)} could not be read: {self.reason}")


class DecodeError(UnreadError, ValueError):
    """The body of ``path`` does not have the declared form. The message never holds the body."""


class WithheldError(EC2FactsError):
    """The value of ``path`` is withheld; ``include`` is the name that includes it."""

    def __init__(self, path: str, include: str, *, advice: str = "ask for it with") -> None:
        self.path = path
        self.include = include
        super().__init__(escape_unprintable(f"{path} is withheld; {advice} --include {include}"))

    @property
    def reason(self) -> str:
        """The option that includes the value."""
        return f"included only with --include {self.include}"


class IncompleteError(EC2FactsError):
    """Some paths were unread; ``unread`` maps each to its reason.

    ``total`` is the number of requested paths and ``file`` the file that was not written, if known; ``is_needed`` says
    whether even a partial file needs them. The message names the first 20 paths by reason.
    """

    exit_status = 4

    def __init__(
        self, unread: Mapping[str, str], *, total: int | None = None, file: str | None = None, is_needed: bool = False
    ) -> None:
        self.unread = dict(unread)
        self.total = total
        self.file = file
        self.is_needed = is_needed
        by_reason: dict[str, list[str]] = {}
        for path, reason in list(self.unread.items())[:NAMED_PATHS]:
            by_reason.setdefault(reason, []).append(path)
        groups = [f"{', '.join(paths)}: {reason}" for reason, paths in by_reason.items()]
        more = len(self.unread) - NAMED_PATHS
        groups += [f"and {more} more"] * (more > 0)
        of_all = "" if total is None else f" of {total}"
        count = f"{len(self.unread)}{of_all} path{'s' * ((total or len(self.unread)) != 1)}"
        slower = "try --max-rate 20, or " if any(each.endswith(THROTTLED) for each in self.unread.values()) else ""
        where = "" if file is None else f"{file}: "
        listed = f"{count} unread: {'; '.join(groups)}"
        partial = "a partial file needs these paths too" if is_needed else "use --allow-partial to leave them out"
        super().__init__(escape_unprintable(f"{where}{listed}; {slower}{partial}"))


NAMED_PATHS = 20
"""The maximum number of unread paths that an error names."""

THROTTLED = ", throttled"
"""The suffix of a throttled path's reason."""


class SnapshotError(EC2FactsError):
    """The snapshot file ``file`` is malformed at ``entry``, or as a whole if that is None."""

    def __init__(self, file: str, reason: str, *, entry: str | None = None) -> None:
        self.file = file
        self.entry = entry
        self.reason = reason
        where = file if entry is None else f"{file}: entry {entry!r}"
        super().__init__(f"{where}: {reason}")


class TemplateError(EC2FactsError):
    """A template cannot be rendered. ``file`` and ``line`` say where, if they are known."""

    exit_status = 5

    def __init__(self, message: str, *, file: str | None = None, line: int | None = None) -> None:
        self.file = file
        self.line = line
        where = "".join(f"{part}:" for part in (file, line) if part is not None)
        super().__init__(f"{where} {message}" if where else message)


class UnreadFactError(TemplateError):
    """A template uses an unread fact; ``unread`` maps its path to the reason."""

    exit_status = 4

    def __init__(
        self, message: str, unread: Mapping[str, str], *, file: str | None = None, line: int | None = None
    ) -> None:
        self.unread = dict(unread)
        super().__init__(message, file=file, line=line)


class UnrepresentableError(EC2FactsError):
    """A format cannot hold some facts; ``offenders`` maps each name to its reason, never to its value.

    ``file`` is the file to write, if known.
    """

    exit_status = 6

    def __init__(self, format_name: str, offenders: Mapping[str, str], *, file: str | None = None) -> None:
        self.format_name = format_name
        self.offenders = dict(offenders)
        self.file = file
        listed = "; ".join(f"{name}: {reason}" for name, reason in self.offenders.items())
        where = "" if file is None else f"{file}: "
        super().__init__(f"{where}the format {format_name} cannot hold {listed}")


class InstallError(EC2FactsError):
    """The file at ``path`` cannot be replaced safely; it is unchanged."""

    def __init__(self, path: str, reason: str) -> None:
        self.path = path
        self.reason = reason
        super().__init__(f"{path}: {reason}")


class StaleError(EC2FactsError):
    """The service is unavailable, and the facts saved by the last run cannot be used instead."""

    exit_status = 3


class CheckError(EC2FactsError):
    """The check ``command`` refused the change of ``path``; ``output`` is its output."""

    exit_status = 7

    def __init__(self, path: str, command: str, reason: str, output: str) -> None:
        self.path = path
        self.command = command
        self.reason = reason
        self.output = output
        super().__init__(f"{path}: the check `{command}` refused the change ({reason}){_quoted(output)}")


class CommandError(EC2FactsError):
    """``command``, run after a change, failed; ``output`` is its output."""

    exit_status = 8

    def __init__(self, command: str, reason: str, output: str) -> None:
        self.command = command
        self.reason = reason
        self.output = output
        super().__init__(f"the command `{command}` failed ({reason}); the next run runs it again{_quoted(output)}")


def _quoted(output: str) -> str:
    """Return the output of another program, indented below a message."""
    return "".join(f"\n    {line}" for line in output.splitlines())
