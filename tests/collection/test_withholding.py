from __future__ import annotations

import json

import pytest

from ec2facts import instances
from ec2facts.collection.withholding import WITHHELD_NAMES, Withholding, withheld_tags
from ec2facts.errors import UnreadError, UsageError, WithheldError
from ec2facts.imds.snapshot import Gap, Snapshot
from ec2facts.metadata.descriptor import attributes
from ec2facts.metadata.instance import EC2Metadata

ALL = instances.names()
ROLES = "meta-data/iam/security-credentials/"
ROLE = f"{ROLES}busy-role"


class Recorder:
    """A source that answers every path with the same body and records every requested path."""

    def __init__(self, body: bytes | None = b"a plain value") -> None:
        self.paths: list[str] = []
        self._body = body

    def get(self, path: str, /) -> bytes | None:
        self.paths.append(path)
        return self._body


# Withheld by path


def test_withheld_names_equal_the_declarations() -> None:
    declared = {name for name, attribute in attributes(EC2Metadata).items() if attribute.withheld}

    assert WITHHELD_NAMES.keys() == declared
    assert {"user_data", "iam_security_credentials", "identity_credentials"} <= declared


@pytest.mark.parametrize(("name", "path"), [*(WITHHELD_NAMES | {"iam_security_credentials": ROLE}).items()])
def test_path_is_withheld_under_its_name(name: str, path: str) -> None:
    with pytest.raises(WithheldError, match=f"is withheld; ask for it with --include {name}$") as caught:
        Withholding(Recorder()).get(path)

    assert (caught.value.path, caught.value.include) == (WITHHELD_NAMES[name], name)
    assert caught.value.reason == f"included only with --include {name}"


STRUCTURE = [
    "meta-data/iam/security-credentials-2/role",
    "meta-data/iam/future",
    "meta-data/iam/future/",
    "meta-data/iam/info/x",
    "meta-data/future/iam/info",
    "meta-data/future/security-credentials/x",
    "meta-data/credentials",
    "meta-data/my-credential/",
    "meta-data/tags/instance/db-credentials",
    "meta-data/identity-credentials/ec2/future",
    "meta-data/identity-credentials/ec3/",
    "dynamic/instance-identity/future",
    "dynamic/instance-identity/document-2",
    "dynamic/future/instance-identity/document",
]
"""Undeclared paths that are withheld because of their directory."""


@pytest.mark.parametrize("path", STRUCTURE)
def test_undeclared_path_in_a_withheld_directory_is_withheld(path: str) -> None:
    with pytest.raises(WithheldError) as caught:
        Withholding(Recorder()).get(path)

    assert (caught.value.path, caught.value.include) == (path, path)


@pytest.mark.parametrize(
    "path",
    [
        "dynamic/instance-identity/",
        "dynamic/instance-identity/document",
        "meta-data/iam/",
        "meta-data/iam/info",
        ROLES,
        "meta-data/identity-credentials/",
        "meta-data/identity-credentials/ec2/",
        "meta-data/identity-credentials/ec2/info",
    ],
)
def test_declared_harmless_path_is_not_withheld(path: str) -> None:
    assert Withholding(Recorder()).get(path) == b"a plain value"


def test_listing_of_roles_that_looks_like_a_secret_is_withheld() -> None:
    with pytest.raises(WithheldError):
        Withholding(Recorder(b'{"SecretAccessKey": "EXAMPLEKEY"}')).get(ROLES)


VARIANTS = {
    "unchanged": lambda path: path,
    "with a slash": lambda path: f"{path.rstrip('/')}/",
    "without a slash": lambda path: path.rstrip("/"),
    "with slashes": lambda path: f"{path}///",
    "with a slash before": lambda path: f"/{path}",
    "with slashes before": lambda path: f"///{path}",
    "with doubled slashes": lambda path: path.replace("/", "//"),
    "with something below": lambda path: f"{path.rstrip('/')}/x",
    "with much below": lambda path: f"{path.rstrip('/')}//x/y/",
    "in capitals": lambda path: path.upper(),
    "capitalized": lambda path: path.title(),
}


@pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS)
@pytest.mark.parametrize("path", [*sorted({*WITHHELD_NAMES.values()} - {ROLES}), ROLE, *STRUCTURE])
def test_no_spelling_of_a_path_bypasses_withholding(path: str, variant: object) -> None:
    assert callable(variant)

    with pytest.raises(WithheldError):
        Withholding(Recorder()).get(variant(path))


@pytest.mark.parametrize("segment", [".", ".."])
@pytest.mark.parametrize("form", ["meta-data/{}/user-data", "{}/user-data", "meta-data/iam/{}", "{}"])
def test_path_with_a_dot_segment_is_refused_without_a_request(form: str, segment: str) -> None:
    source = Recorder()

    with pytest.raises(UsageError, match=r"has a \. or \.\. segment"):
        Withholding(source).get(form.format(segment))

    assert source.paths == []


@pytest.mark.parametrize(
    "path",
    [
        ROLE,
        "meta-data/IAM/security-credentials/",
        "meta-data/iam/credentials",
        "meta-data/future/credential-store/",
        "meta-data/identity-credentials/ec2/security-credentials/ec2-instance",
        "meta-data/future/security-credentials/",
        "meta-data/future/security-credentials/x/y",
        "meta-data//future//Security-Credentials//x",
        "security-credentials/x",
        "meta-data/tags/instance/security-credentials",
    ],
)
def test_credentials_are_not_requested(path: str) -> None:
    source = Recorder()

    with pytest.raises(WithheldError):
        Withholding(source).get(path)

    assert source.paths == []


@pytest.mark.parametrize("path", ["user-data", "dynamic/instance-identity/pkcs7"])
def test_missing_withheld_path_is_absent(path: str) -> None:
    source = Recorder(None)

    assert Withholding(source).get(path) is None
    assert source.paths == [path]


def test_withheld_path_that_cannot_be_read_is_unread() -> None:
    source = Snapshot({}, {"user-data": Gap("unread", "HTTP 503", 503)})

    with pytest.raises(UnreadError):
        Withholding(source).get("user-data")


@pytest.mark.parametrize(
    "path",
    [
        "meta-data/instance-id",
        "meta-data/user-data",
        "user-data-template",
        "dynamic/instance-identity/document",
        "dynamic/instance-identity/",
        "meta-data/iam/info",
        "meta-data/iam/",
        "meta-data/identity-credentials/ec2/info",
        "meta-data/security-groups",
    ],
)
def test_other_path_is_not_withheld(path: str) -> None:
    assert Withholding(Recorder()).get(path) == b"a plain value"


def test_repeated_slashes_are_removed_before_the_request() -> None:
    source = Recorder()

    Withholding(source).get("//meta-data//placement//")

    assert source.paths == ["meta-data/placement/"]


# Withheld by content


CREDENTIALS = b'{"AccessKeyId": "id", "SecretAccessKey": "EXAMPLEKEY"}'


def test_body_that_looks_like_a_secret_is_withheld_at_any_path() -> None:
    path = "meta-data/future/lease"

    with pytest.raises(WithheldError) as caught:
        Withholding(Recorder(CREDENTIALS)).get(path)

    assert (caught.value.path, caught.value.include) == (path, path)
    assert "EXAMPLEKEY" not in str(caught.value)


def test_withheld_tags_are_reported_with_the_reason_and_the_remedy() -> None:
    directory = "meta-data/tags/instance/"

    told = withheld_tags([f"{directory}db", f"{directory}my-credentials", "user-data", ROLE, "meta-data/future/lease"])

    assert told == {
        "db": f"its value looks like a secret; include it with --include {directory}db",
        "my-credentials": f"its key contains the word credential; include it with --include {directory}my-credentials",
    }


@pytest.mark.parametrize("directory", ["meta-data/tags/instance/", "meta-data/public-keys/", "meta-data/"])
def test_listing_is_not_searched_for_secrets(directory: str) -> None:
    assert Withholding(Recorder(b"AKIAIOSFODNN7EXAMPLE")).get(directory) == b"AKIAIOSFODNN7EXAMPLE"


@pytest.mark.parametrize("name", ALL)
def test_only_secret_paths_of_an_instance_are_withheld(name: str) -> None:
    snapshot = instances.load(name)
    source = Withholding(snapshot)

    withheld = {path for path in snapshot.bodies if is_withheld(source, path)}

    assert withheld == {
        path
        for path, body in snapshot.bodies.items()
        if path != ROLES
        and ("security-credentials" in path or path in WITHHELD_NAMES.values() or b"SecretAccessKey" in body)
    }


def is_withheld(source: Withholding, path: str) -> bool:
    try:
        source.get(path)
    except WithheldError:
        return True
    return False


# Included names and paths


@pytest.mark.parametrize(("name", "path"), WITHHELD_NAMES.items())
def test_name_includes_its_path_and_everything_below(name: str, path: str) -> None:
    body = b'{"SecretAccessKey": "EXAMPLEKEY"}'
    source = Withholding(Recorder(body), [name])

    assert source.get(path) == body
    assert source.get(f"{path.rstrip('/')}/x") == body


@pytest.mark.parametrize("name", WITHHELD_NAMES)
def test_name_does_not_include_other_paths(name: str) -> None:
    source = Withholding(Recorder(), [name])

    for other, path in (WITHHELD_NAMES | {"iam_security_credentials": ROLE}).items():
        if other != name:
            with pytest.raises(WithheldError):
                source.get(path)


@pytest.mark.parametrize(
    "included",
    [
        "meta-data/future/lease",
        "meta-data/future/lease/",
        "meta-data/future/",
        "meta-data/",
        "/meta-data/future/lease",
        "meta-data//future//lease",
    ],
)
def test_path_includes_itself_and_everything_below(included: str) -> None:
    source = Withholding(Recorder(CREDENTIALS), [included])

    assert source.get("meta-data/future/lease") == CREDENTIALS


@pytest.mark.parametrize("included", ["meta-data/future/lea", "meta-data/future/lease/x", "dynamic/"])
def test_path_does_not_include_other_paths(included: str) -> None:
    with pytest.raises(WithheldError):
        Withholding(Recorder(CREDENTIALS), [included]).get("meta-data/future/lease")


def test_path_of_credentials_includes_the_credentials() -> None:
    source = Withholding(Recorder(), ["meta-data/future/security-credentials"])

    assert source.get("meta-data/future/security-credentials/x") == b"a plain value"
    with pytest.raises(WithheldError):
        source.get(ROLE)


@pytest.mark.parametrize("name", ["", "userdata", "USER_DATA", "/", "instance_id", "security-credentials", "*"])
def test_unknown_name_is_an_error_that_lists_the_known_names(name: str) -> None:
    with pytest.raises(UsageError, match=", ".join(WITHHELD_NAMES)) as caught:
        Withholding(Recorder(), [name])

    assert repr(name) in str(caught.value)


def test_path_with_a_dot_segment_cannot_be_included() -> None:
    with pytest.raises(UsageError):
        Withholding(Recorder(), ["meta-data/../user-data"])


def test_error_does_not_quote_the_body() -> None:
    body = json.dumps({"SecretAccessKey": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"}).encode()

    with pytest.raises(WithheldError) as caught:
        Withholding(Recorder(body)).get("meta-data/future/lease")

    assert "EXAMPLEKEY" not in repr(vars(caught.value)) + str(caught.value)
    assert caught.value.__context__ is None
