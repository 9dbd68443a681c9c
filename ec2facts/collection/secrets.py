"""A heuristic that finds secrets in bodies in linear time; the tables in README.md are generated from it."""

from __future__ import annotations

import binascii
import io
import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple


class Shape(NamedTuple):
    """One kind of secret: its title and description in README.md, and its pattern."""

    title: str
    description: str
    clues: tuple[str, ...]
    """Every match contains one of them, in lower case. Searching for them first takes a tenth of the pattern's time."""
    pattern: str
    """A verbose, case-insensitive regular expression. Each repetition is bounded, or can start only once in a run."""


_NAME = r"""
    (?: passw(?:or)?d | passphrase | (?:secret|private|api|access|account|encryption|signing)[_-]?key(?:[_-]?data)?
      | secret[_-]?access[_-]?key | (?:client|app|consumer|shared)[_-]?secret | client[_-]key[_-]data
      | (?:access|auth|session|security|refresh|bearer|api|id|bot|deploy|join|registration)[_-]?token )
"""
"""The end of the name of a secret, in any text."""

_QUOTED_NAME = rf"(?: {_NAME} | token | secret | pwd | auth | credentials? )"
"""The end of the quoted name of a secret: quoted text is more likely to be a name, so more words count."""

_NAME_CLUES = ("pass", "key", "secret", "token", "pwd", "auth", "credential")

SHAPES = (
    Shape(
        "private keys",
        "PEM, OpenSSH, PGP, PuTTY, SSH2, age, minisign and signify keys, private JSON Web Keys",
        ("private", "putty-user-key", "age-secret-key", "secret key", '"kty"'),
        r"""
          -----BEGIN[ A-Z0-9]{0,40}PRIVATE[ ]KEY | ----[ ]BEGIN[ ]SSH2[ ]ENCRYPTED[ ]PRIVATE | PuTTY-User-Key-File-
        | AGE-SECRET-KEY-1 | (?:minisign|signify)[ ](?:encrypted[ ])?secret[ ]key
        | "kty"\s{0,9}:[^{}]{0,999}"d"\s{0,9}: | "d"\s{0,9}:[^{}]{0,999}"kty"\s{0,9}:
        """,
    ),
    Shape(
        "AWS access key IDs",
        "`AKIA…` and `ASIA…`: an ID is usually stored with its secret",
        ("akia", "asia"),
        r"(?-i: \b(?:AKIA|ASIA)[A-Z0-9]{16}\b )",
    ),
    Shape(
        "named secrets",
        "`password=`, `passwd:`, `passphrase`, `secretKey`, `api_key`, `client_secret`, `SecretAccessKey`, "
        "`access_token`, WireGuard's `PrivateKey` and the like before `=`, `:` or a tag's `>`, quoted names that end "
        "in `token` or `secret`",
        _NAME_CLUES,
        rf"""
          {_NAME} ["']? \s{{0,9}} (?: [:=]{{1,2}}>? | > ) \s{{0,9}} (?! [:=\s>] | \Z )
        | (?<![\w.-]) pwd \s{{0,9}} = \s{{0,9}} (?! [\s=] | \Z )
        | " [\w.-]{{0,99}} {_QUOTED_NAME} " \s{{0,9}} :
        """,
    ),
    Shape(
        "name/value pairs",
        '`{"name": "DB_PASSWORD", "value": …}` and the like in JSON and XML',
        _NAME_CLUES,
        rf"""
          "(?:name|key|parameter[_-]?(?:key|name))" \s{{0,9}} : \s{{0,9}} " [\w.-]{{0,99}} {_QUOTED_NAME} "
        | <(?:name|key)> \s{{0,9}} [\w.-]{{0,99}} {_QUOTED_NAME} \s{{0,9}} </
        """,
    ),
    Shape(
        "arguments and logins",
        "`--password x`, `--token x`, `machine … login … password …` of netrc",
        (*_NAME_CLUES, "login"),
        rf"""
          --(?: {_NAME} | token | secret ) [ =] \S
        | machine \s{{1,9}} \S{{1,253}} \s{{1,9}} login \s{{1,9}} \S{{1,253}} \s{{1,9}} password
        """,
    ),
    Shape(
        "bearer tokens",
        "`Authorization:` headers, `Bearer …`, `Basic …`, JSON Web Tokens",
        ("authorization", "bearer", "basic", "eyj"),
        r"""
          authorization ["']? \s{0,9} [:=] \s{0,9} ["']? (?: bearer | basic | token | digest | aws4 )
        | \b (?:bearer|basic) [ ] (?=[\w.~+/=-]{0,99}[0-9A-Z]) [\w.~+/=-]{16}
        | (?-i: (?<![\w-]) eyJ [\w-]{8,} \. eyJ [\w-]{8,} \. )
        """,
    ),
    Shape(
        "vendor tokens",
        "GitHub, GitLab, Slack, Stripe, Google, npm, PyPI, Docker, Vault, Terraform, DigitalOcean, SendGrid, Shopify, "
        "keys that start with `sk-`, Azure shared access signatures, presigned AWS requests",
        (
            *("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-", "xox", "xapp-", "k_live_"),
            *("k_test_", "sk-", "aiza", "ya29.", "npm_", "pypi-age", "dckr_pat_", "hvs.", "hvb.", "hvr."),
            *("_v1_", "sg.", "shp", ".atlasv1.", "hooks.slack.com", "sig=", "sharedaccess", "x-amz-"),
        ),
        r"""
          (?-i: (?<!\w) (?:
              gh[pousr]_\w{20} | github_pat_\w{20} | glpat-[\w-]{16} | xox[abeoprs]-[\w-]{10} | xapp-[\w-]{10}
            | [sr]k_(?:live|test)_\w{10} | sk-[\w-]{20} | AIza[\w-]{30} | ya29\.[\w-]{20} | npm_\w{30} | pypi-AgE
            | dckr_pat_ | hv[sbr]\.[\w-]{20} | do[opr]_v1_ | SG\.[\w-]{16,80}\. | shp(?:at|ss|ca|pa)_\w{16} )
          | \.atlasv1\. )
        | hooks\.slack\.com/services/T | [?&;]sig=[\w%+/-]{20} | SharedAccessSignature
        | X-Amz-(?:Signature|Credential|Security-Token)=
        """,
    ),
    Shape(
        "URLs with a password",
        "`scheme://user:password@host`",
        ("://",),
        r""" :// [^\s/:@"'<>]{0,256} : [^\s/@"'<>]{1,256} @ """,
    ),
    Shape(
        "SAML",
        "assertions and responses",
        ("saml",),
        r""" urn:oasis:names:tc:SAML | SAML(?:Response|Assertion)\b | <(?:saml2?p?:)(?:Assertion|Response)\b """,
    ),
    Shape(
        "password hashes",
        "`$6$…` and the other forms of crypt",
        ("$",),
        r""" \$(?: [156y] | 2[aby] | argon2id? )\$[./\w$=,]{16} """,
    ),
)
"""The kinds of secrets that a body is searched for."""

_CLUES = [(clue, shape.pattern) for shape in SHAPES for clue in shape.clues]

NOT_CAUGHT = (
    "a password in a sentence, or without a name",
    "a secret under a name that does not suggest one, such as `DB=hunter2`, and the value of a tag named `password`",
    "UTF-16 text, and a secret that is encoded or compressed twice",
    "archives (zip, tar, xz, bzip2), keystores (PKCS #12, JKS) and anything encrypted",
)
"""What the heuristic does not find, for the list in README.md."""

ENCODINGS = (
    ("JSON", "each string, with its escapes decoded"),
    ("base64", "the whole body, and each run of 24 characters or more"),
    ("gzip", "up to one MiB of compressed data, also inside base64"),
)
"""The encodings that are decoded once and searched again, for the table in README.md."""

UNPACKED_LIMIT = 1024 * 1024


def looks_secret(body: bytes) -> bool:
    """Whether ``body`` appears to hold a secret, as served or after one decoding."""
    return any(map(_holds_secret, _views(body)))


def _holds_secret(text: bytes) -> bool:
    small = text.lower().decode("latin-1")
    found = {pattern: None for clue, pattern in _CLUES if clue in small}
    return any(compiled(pattern).search(text) for pattern in found)


@cache
def compiled(pattern: str) -> re.Pattern[bytes]:
    """Return the compiled pattern of a shape."""
    return re.compile(pattern.encode(), re.VERBOSE | re.IGNORECASE)


def _views(body: bytes) -> Iterator[bytes]:
    yield body
    if body.startswith(b"\x1f\x8b"):
        yield _unpacked(body)
    if b"\\" in body:
        yield _strings(body)
    runs = re.findall(rb"[A-Za-z0-9+/_-]{24,}", body)
    if b"\n" in body and re.fullmatch(rb"[A-Za-z0-9+/_=\s-]+", body):
        runs.append(b"".join(body.split()))
    for run in runs:
        decoded = _from_base64(run)
        yield _unpacked(decoded) if decoded.startswith(b"\x1f\x8b") else decoded


def _strings(body: bytes) -> bytes:
    """Return the strings of a JSON document, each name before its value; b"" if the text is not JSON."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return b""
    found: list[str] = []
    rest: list[Any] = [document]
    while rest:
        value = rest.pop()
        if isinstance(value, dict):
            rest += [part for item in value.items() for part in item][::-1]
        elif isinstance(value, list):
            rest += value[::-1]
        elif isinstance(value, str):
            found.append(value)
    return "\n".join(found).encode(errors="replace")


def _from_base64(run: bytes) -> bytes:
    digits = run.partition(b"=")[0].translate(bytes.maketrans(b"-_", b"+/"))
    whole = digits[: len(digits) - (len(digits) % 4 == 1)]
    return binascii.a2b_base64(whole + b"=" * (-len(whole) % 4))


def _unpacked(body: bytes) -> bytes:
    import gzip
    import zlib

    try:
        with gzip.open(io.BytesIO(body)) as stream:
            return stream.read(UNPACKED_LIMIT)
    except (OSError, EOFError, zlib.error):
        return b""
