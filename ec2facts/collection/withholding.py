"""What is withheld: credentials, bearer proofs of identity and user data, unless they are asked for by name."""

from __future__ import annotations

import re
from collections.abc import Collection

from ec2facts.errors import UsageError, WithheldError
from ec2facts.imds.source import Source, below_root
from ec2facts.metadata.attributes import attributes
from ec2facts.metadata.instance import EC2Metadata
from ec2facts.metadata.schema import is_directory

WITHHELD_NAMES = {name: attribute.path for name, attribute in attributes(EC2Metadata).items() if attribute.withheld}
"""The attributes that are withheld, with the path that each stands for."""

_CREDENTIALS = re.compile(
    rb"""
      -----BEGIN[ A-Z0-9]*PRIVATE[ ]KEY             # PEM, OpenSSH, PGP
    | (?-i:\b(?:AKIA|ASIA)[A-Z0-9]{16}\b)           # an AWS access key's id stands beside its secret
    | (?:secret[_-]?access[_-]?key|(?:session|security)[_-]?token)["']?\s*[:=>]
    | "[\w-]*(?:token|secret|password|private_?key|api_?key)"\s*:
    | (?-i:\beyJ[\w-]{8,}\.eyJ[\w-]{8,}\.)          # a JSON Web Token
    """,
    re.VERBOSE | re.IGNORECASE,
)

# The service tells capitals from small letters; what stands in for it may not.
_DECLARED_PATH = re.compile(
    "(?:{})(?=/|\\Z)".format(
        "|".join(f"(?P<{name}>{re.escape(top.rstrip('/'))})" for name, top in WITHHELD_NAMES.items())
    ),
    re.IGNORECASE,
)
_CREDENTIALS_PATH = re.compile(r"(?:\A|/)security-credentials(?=/|\Z)", re.IGNORECASE)


class Withholding:
    """The source ``source`` without what is withheld: to ask for that raises WithheldError.

    ``include`` names what is not withheld: attributes, or paths for what only looks like credentials. Credentials'
    own paths are not even asked for.
    """

    def __init__(self, source: Source, include: Collection[str] = ()) -> None:
        self._source = source
        self._included = [_path(name) for name in include]

    def get(self, path: str) -> bytes | None:
        """Return the body of ``path``, None where the source has none; raise WithheldError where it is withheld."""
        path = _plain(path)
        if any(_below(path, included) for included in self._included):
            return self._source.get(path)
        withheld = _declared(path)
        if withheld is not None and _CREDENTIALS_PATH.search(path):
            raise withheld
        body = self._source.get(path)
        if body is None:
            return None
        if withheld is not None:
            raise withheld
        if not is_directory(path) and _CREDENTIALS.search(body):
            raise WithheldError(path, path)
        return body


def _path(name: str) -> str:
    """Return the path that a name to include stands for."""
    if "/" in name and name.strip("/"):
        return below_root(_plain(name))
    try:
        return WITHHELD_NAMES[name.replace("-", "_")]
    except KeyError:
        known = ", ".join(WITHHELD_NAMES)
        raise UsageError(
            f"nothing is withheld under the name {name!r}; it takes {known}, or a path such as meta-data/x"
        ) from None


def _plain(path: str) -> str:
    """Return ``path`` without doubled slashes, which the service overlooks; raise UsageError for one with dots."""
    segments = path.split("/")
    if not {".", ".."}.isdisjoint(segments):
        raise UsageError(f"{path!r} is no path: it holds the segment . or ..")
    return "/".join(filter(None, segments)) + "/" * path.endswith("/")


def _below(path: str, top: str) -> bool:
    return (path.rstrip("/") + "/").startswith(top.rstrip("/") + "/")


def _declared(path: str) -> WithheldError | None:
    """Return the error for a path that is withheld whatever its body is."""
    declared = _DECLARED_PATH.match(path)
    if declared is not None:
        name = str(declared.lastgroup)
        return WithheldError(WITHHELD_NAMES[name], name)
    credentials = _CREDENTIALS_PATH.search(path)
    if credentials is None:
        return None
    top = path[: credentials.end()] + "/"
    return WithheldError(top, top)
