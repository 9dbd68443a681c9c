"""Withholding of credentials, proofs of identity and user data, unless they are included by name."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from ec2facts.collection.secrets import looks_secret
from ec2facts.errors import AbsentError, UsageError, WithheldError
from ec2facts.imds.source import Source, below_root, read
from ec2facts.metadata.descriptor import attributes
from ec2facts.metadata.instance import EC2Metadata
from ec2facts.metadata.schema import is_directory, never_empty

WITHHELD_NAMES = {name: attribute.path for name, attribute in attributes(EC2Metadata).items() if attribute.withheld}
"""The paths of the withheld attributes, by name."""

_WITHHELD_TOPS = tuple(path.rstrip("/") + "/" for path in WITHHELD_NAMES.values())

_WITHHELD_BELOW = frozenset({"instance-identity", "iam", "identity-credentials"})
"""The directories, in lower case, below which every path is withheld unless it is declared harmless."""

_ROLES = "meta-data/iam/security-credentials/"
"""The only listing that is searched for secrets: it is the name of the role."""

_TAGS = "meta-data/tags/instance/"

_HARMLESS = frozenset(
    attribute.path[:end].rstrip("/")
    for attribute in attributes(EC2Metadata).values()
    if not attribute.withheld
    for end in (len(attribute.path), *(at for at, char in enumerate(attribute.path) if char == "/"))
)
"""The declared paths that are not withheld, and their parent directories."""


class Withholding:
    """A view of ``source`` without the withheld values: reading one raises WithheldError.

    ``include`` lists exceptions: names of attributes, or paths. A path with ``credential`` in a segment is not even
    requested, unless it is included or declared harmless.
    """

    def __init__(self, source: Source, include: Collection[str] = ()) -> None:
        self._source = source
        self._included = [path_to_include(name) for name in include]
        self._verdicts: dict[str, tuple[bytes, bool]] = {}

    def get(self, path: str) -> bytes | None:
        """Return the body of ``path``, None if the source has none; raise WithheldError if it is withheld."""
        path = _normalised(path)
        if any(_is_inside(path, included) for included in self._included):
            return self._read(path)
        refusal = _refusal(path)
        if refusal is not None and "credential" in path.lower():
            raise refusal
        body = self._read(path)
        if body is None:
            return None
        if refusal is not None:
            raise refusal
        if (not is_directory(path) or path == _ROLES) and self._looks_secret(path, body):
            raise WithheldError(path, path)
        return body

    def _read(self, path: str) -> bytes | None:
        if not never_empty(path):
            return self._source.get(path)
        try:
            return read(self._source, path, nonempty=True)
        except AbsentError:
            return None

    def _looks_secret(self, path: str, body: bytes) -> bool:
        # Cached, because the attributes and the tree read the same bodies.
        verdict = self._verdicts.get(path)
        if verdict is None or verdict[0] is not body:
            verdict = self._verdicts[path] = body, looks_secret(body)
        return verdict[1]


def withheld_tags(withheld: Iterable[str]) -> dict[str, str]:
    """Return the tags among the paths ``withheld``, each with the reason and the remedy."""
    tags = {}
    for path in sorted(withheld):
        if path.startswith(_TAGS):
            clue = "value looks like a secret" if _refusal(path) is None else "key contains the word credential"
            tags[path[len(_TAGS) :]] = f"its {clue}; include it with --include {path}"
    return tags


def path_to_include(name: str) -> str:
    """Return the path of ``name``, which is a name or a path to include."""
    if "/" in name and name.strip("/"):
        return below_root(_normalised(name))
    try:
        return WITHHELD_NAMES[name.replace("-", "_")]
    except KeyError:
        known = ", ".join(WITHHELD_NAMES)
        raise UsageError(
            f"{name!r} is not a withheld fact: choose from {known}, or give a path such as meta-data/x"
        ) from None


def _normalised(path: str) -> str:
    """Return ``path`` without repeated slashes, which the service ignores; raise UsageError for a dot segment."""
    segments = path.split("/")
    if not {".", ".."}.isdisjoint(segments):
        raise UsageError(f"{path!r} is not a path: it has a . or .. segment")
    return "/".join(filter(None, segments)) + "/" * path.endswith("/")


def _is_inside(path: str, top: str) -> bool:
    return (path.rstrip("/") + "/").startswith(top.rstrip("/") + "/")


def _refusal(path: str) -> WithheldError | None:
    """Return the error for a path that is withheld whatever its body, else None."""
    if path.rstrip("/") in _HARMLESS:
        return None
    # The service's paths are case-sensitive; those of a mock or a proxy may not be.
    spelled = path.rstrip("/").lower() + "/"
    if spelled.startswith(_WITHHELD_TOPS):
        return next(WithheldError(top, name) for name, top in WITHHELD_NAMES.items() if _is_inside(spelled, top))
    if "credential" in spelled or not _WITHHELD_BELOW.isdisjoint(spelled.split("/")[:-2]):
        return WithheldError(path, path)
    return None
