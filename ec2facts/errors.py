"""Every error that ec2facts raises on purpose; the number is the exit status of a command that ends with it.

    EC2FactsError                 1
    ├── UsageError                2   an option, a name or a setting that means nothing
    │   └── ConfigError           2   the config of apply is malformed
    ├── UnavailableError          3   the metadata service does not answer at all
    │   └── DisabledError         3   it is switched off, by its own word or by AWS_EC2_METADATA_DISABLED
    ├── AbsentError               1   this instance has no such value: the service answers 404
    ├── UnreadError               4   a value exists, or may exist, and could not be read
    │   └── DecodeError           4   it was read and is not what its declaration says (a ValueError too)
    ├── WithheldError             1   a value exists and is kept out unless it is asked for by name
    ├── IncompleteError           4   a collection in which something was unread
    ├── SnapshotError             1   a snapshot file is malformed
    ├── TemplateError             5   a template is wrong, or needs a fact that is not there
    ├── UnrepresentableError      6   facts that the output format cannot hold
    ├── InstallError              1   a file cannot be replaced, or not safely
    ├── StaleError                3   the service is out of reach, and the last facts cannot stand in for it
    ├── CheckError                7   a check refused a file, which is as it was
    └── CommandError              8   a command failed after files changed; the next run runs it again

Over HTTP each of the errors about the service is also the matching exception of requests (``HTTPError``,
``Timeout`` or ``ConnectionError``), so that code written for requests keeps catching it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar


class EC2FactsError(Exception):
    """Anything that ec2facts raises on purpose."""

    exit_status: ClassVar[int] = 1


class UsageError(EC2FactsError):
    """An option, a name or a setting means nothing."""

    exit_status = 2


class ConfigError(UsageError):
    """The config ``file`` is malformed in ``line``, at ``key``, as far as there is one."""

    def __init__(self, file: str, reason: str, *, line: int | None = None, key: str | None = None) -> None:
        self.file = file
        self.line = line
        self.key = key
        self.reason = reason
        where = ":".join(str(part) for part in (file, line) if part is not None)
        super().__init__(": ".join(part for part in (where, key, reason) if part is not None))


class UnavailableError(EC2FactsError):
    """The metadata service at ``endpoint`` does not answer, or not as the metadata service does."""

    exit_status = 3

    def __init__(self, endpoint: str, reason: str) -> None:
        self.endpoint = endpoint
        self.reason = reason
        super().__init__(f"the metadata service at {endpoint} is unavailable: {reason}")


class DisabledError(UnavailableError):
    """The metadata service is switched off; there is no point in asking again."""


class AbsentError(EC2FactsError):
    """This instance has nothing at ``path``."""

    def __init__(self, path: str, reason: str = "the service answers 404") -> None:
        self.path = path
        self.reason = reason
        super().__init__(f"{path} is absent: {reason}")


class UnreadError(EC2FactsError):
    """``path`` could not be read, for ``reason``; ``status`` is the HTTP status if there was an answer."""

    exit_status = 4

    def __init__(self, path: str, reason: str, *, status: int | None = None) -> None:
        self.path = path
        self.reason = reason
        self.status = status
        super().__init__(f"{path} could not be read: {reason}")


class DecodeError(UnreadError, ValueError):
    """The body of ``path`` is not what its declaration says. The message never holds the body."""


class WithheldError(EC2FactsError):
    """The value of ``path`` is kept out unless ``include`` is asked for by name."""

    def __init__(self, path: str, include: str) -> None:
        self.path = path
        self.include = include
        super().__init__(f"{path} is withheld; ask for it with --include {include}")

    @property
    def reason(self) -> str:
        """What to do to get the value."""
        return f"included only with --include {self.include}"


class IncompleteError(EC2FactsError):
    """Some paths were unread; ``unread`` maps each to its reason."""

    exit_status = 4

    def __init__(self, unread: Mapping[str, str]) -> None:
        self.unread = dict(unread)
        listed = "; ".join(f"{path}: {reason}" for path, reason in self.unread.items())
        super().__init__(f"{len(self.unread)} unread, nothing is written without --allow-partial: {listed}")


class SnapshotError(EC2FactsError):
    """The snapshot file ``file`` is malformed at ``entry``, or as a whole if that is None."""

    def __init__(self, file: str, reason: str, *, entry: str | None = None) -> None:
        self.file = file
        self.entry = entry
        self.reason = reason
        where = file if entry is None else f"{file}: entry {entry!r}"
        super().__init__(f"{where}: {reason}")


class TemplateError(EC2FactsError):
    """A template cannot be rendered. ``file`` and ``line`` say where, as far as that is known."""

    exit_status = 5

    def __init__(self, message: str, *, file: str | None = None, line: int | None = None) -> None:
        self.file = file
        self.line = line
        where = "".join(f"{part}:" for part in (file, line) if part is not None)
        super().__init__(f"{where} {message}" if where else message)


class UnrepresentableError(EC2FactsError):
    """A format cannot hold some facts; ``offenders`` maps each name to its reason, never to its value.

    ``file`` is where they would have stood, if that is known.
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
    """The file at ``path`` cannot be replaced, or not safely; it is as it was."""

    def __init__(self, path: str, reason: str) -> None:
        self.path = path
        self.reason = reason
        super().__init__(f"{path}: {reason}")


class StaleError(EC2FactsError):
    """The last facts cannot stand in for those that the service does not give."""

    exit_status = 3


class CheckError(EC2FactsError):
    """The check ``command`` refused what ``path`` would become; ``output`` is what it said."""

    exit_status = 7

    def __init__(self, path: str, command: str, reason: str, output: str) -> None:
        self.path = path
        self.command = command
        self.reason = reason
        self.output = output
        super().__init__(f"{path} stays as it was: refused by the check `{command}` ({reason}){_quoted(output)}")


class CommandError(EC2FactsError):
    """``command``, due after a change, failed; ``output`` is what it said."""

    exit_status = 8

    def __init__(self, command: str, reason: str, output: str) -> None:
        self.command = command
        self.reason = reason
        self.output = output
        super().__init__(f"the command `{command}` failed ({reason}); the next run runs it again{_quoted(output)}")


def _quoted(output: str) -> str:
    """Return what another program said, to stand below a message."""
    return "".join(f"\n    {line}" for line in output.splitlines())
