from __future__ import annotations

import json

import pytest

from ec2facts import instances
from ec2facts.collection.withholding import WITHHELD_NAMES, Withholding
from ec2facts.errors import UnreadError, UsageError, WithheldError
from ec2facts.imds.snapshot import Gap, Snapshot
from ec2facts.metadata.attributes import attributes
from ec2facts.metadata.instance import EC2Metadata

ALL = instances.names()
ROLE = "meta-data/iam/security-credentials/busy-role"


class Asked:
    """A source that answers the same for every path, and remembers which it was asked for."""

    def __init__(self, body: bytes | None = b"a plain value") -> None:
        self.paths: list[str] = []
        self._body = body

    def get(self, path: str, /) -> bytes | None:
        self.paths.append(path)
        return self._body


# What the declarations withhold


def test_names_are_those_of_the_declarations() -> None:
    declared = {name for name, attribute in attributes(EC2Metadata).items() if attribute.withheld}

    assert WITHHELD_NAMES.keys() == declared
    assert {"user_data", "iam_security_credentials", "identity_credentials"} <= declared


@pytest.mark.parametrize(("name", "path"), WITHHELD_NAMES.items())
def test_path_is_withheld_under_its_name(name: str, path: str) -> None:
    with pytest.raises(WithheldError, match=f"is withheld; ask for it with --include {name}$") as caught:
        Withholding(Asked()).get(path)

    assert (caught.value.path, caught.value.include) == (path, name)
    assert caught.value.reason == f"included only with --include {name}"


VARIANTS = {
    "as it is": lambda path: path,
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
@pytest.mark.parametrize("path", [*WITHHELD_NAMES.values(), ROLE, "meta-data/future/security-credentials/x"])
def test_no_spelling_of_a_path_gets_around_it(path: str, variant: object) -> None:
    assert callable(variant)

    with pytest.raises(WithheldError):
        Withholding(Asked()).get(variant(path))


@pytest.mark.parametrize("segment", [".", ".."])
@pytest.mark.parametrize("form", ["meta-data/{}/user-data", "{}/user-data", "meta-data/iam/{}", "{}"])
def test_path_with_dots_is_refused_and_not_asked_for(form: str, segment: str) -> None:
    source = Asked()

    with pytest.raises(UsageError, match=r"holds the segment \. or \.\."):
        Withholding(source).get(form.format(segment))

    assert source.paths == []


@pytest.mark.parametrize(
    "path",
    [
        "meta-data/iam/security-credentials",
        "meta-data/iam/security-credentials/",
        ROLE,
        "meta-data/identity-credentials/ec2/security-credentials/ec2-instance",
        "meta-data/future/security-credentials/",
        "meta-data/future/security-credentials/x/y",
        "meta-data//future//Security-Credentials//x",
        "security-credentials/x",
        "meta-data/tags/instance/security-credentials",
    ],
)
def test_credentials_are_not_even_asked_for(path: str) -> None:
    source = Asked()

    with pytest.raises(WithheldError):
        Withholding(source).get(path)

    assert source.paths == []


def test_credentials_of_a_future_category_are_withheld_by_path() -> None:
    with pytest.raises(WithheldError) as caught:
        Withholding(Asked()).get("meta-data/future/security-credentials/x")

    assert caught.value.path == "meta-data/future/security-credentials/"
    assert caught.value.include == "meta-data/future/security-credentials/"


@pytest.mark.parametrize("path", ["user-data", "dynamic/instance-identity/pkcs7"])
def test_what_is_not_there_is_absent_and_not_withheld(path: str) -> None:
    source = Asked(None)

    assert Withholding(source).get(path) is None
    assert source.paths == [path]


def test_what_could_not_be_read_is_unread_and_not_withheld() -> None:
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
        "dynamic/instance-identity/signature-algorithm",
        "meta-data/iam/info",
        "meta-data/iam/",
        "meta-data/identity-credentials/ec2/info",
        "meta-data/security-credentials-policy",
        "meta-data/tags/instance/my-security-credentials",
        "meta-data/security-groups",
    ],
)
def test_other_path_is_not_withheld(path: str) -> None:
    assert Withholding(Asked()).get(path) == b"a plain value"


def test_slashes_are_put_right_before_a_source_is_asked() -> None:
    source = Asked()

    Withholding(source).get("//meta-data//placement//")

    assert source.paths == ["meta-data/placement/"]


# What looks like credentials


CREDENTIALS = [
    b'{"AccessKeyId": "id", "SecretAccessKey": "EXAMPLEKEY"}',
    b'{\n "SecretAccessKey"\t:\n "EXAMPLEKEY"\n}',
    b'{"Token" : "EXAMPLE"}',
    b'{"token":"EXAMPLE"}',
    b'{"accessToken": "EXAMPLE"}',
    b'{"access_token": "EXAMPLE"}',
    b'{"x-auth-token": "EXAMPLE"}',
    b'{"SessionToken": "EXAMPLE"}',
    b'{"clientSecret": "EXAMPLE"}',
    b'{"client_secret": "EXAMPLE"}',
    b'{"Password" : "EXAMPLE"}',
    b'{"db_password": null}',
    b'{"privateKey": "EXAMPLE"}',
    b'{"private_key": "EXAMPLE"}',
    b'{"apiKey": "EXAMPLE"}',
    b"[default]\naws_access_key_id = EXAMPLE\naws_secret_access_key = EXAMPLEKEY\n",
    b"export AWS_SECRET_ACCESS_KEY='EXAMPLEKEY'",
    b"AWS_SESSION_TOKEN=EXAMPLE",
    b"aws-secret-access-key: EXAMPLEKEY",
    b"<SecretAccessKey>EXAMPLEKEY</SecretAccessKey>",
    b"AKIAIOSFODNN7EXAMPLE",
    b"key=ASIAIOSFODNN7EXAMPLE;",
    b"-----BEGIN PRIVATE KEY-----\nMIIE",
    b"-----BEGIN RSA PRIVATE KEY-----\nMIIE",
    b"-----BEGIN EC PRIVATE KEY-----\nMIIE",
    b"-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIE",
    b"-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl",
    b"-----BEGIN PGP PRIVATE KEY BLOCK-----\n",
    b"-----BEGIN CERTIFICATE-----\nMIIE\n-----END CERTIFICATE-----\n-----BEGIN RSA PRIVATE KEY-----\nMIIE",
    b"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.EXAMPLE",
    b"Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJib2IifQ.",
    b"\xff\xfe binary \x00 AKIAIOSFODNN7EXAMPLE \x00",
]


@pytest.mark.parametrize("body", CREDENTIALS, ids=lambda body: repr(body[:40]))
def test_body_that_looks_like_credentials_is_withheld_whatever_its_path(body: bytes) -> None:
    path = "meta-data/future/lease"

    with pytest.raises(WithheldError) as caught:
        Withholding(Asked(body)).get(path)

    assert (caught.value.path, caught.value.include) == (path, path)
    assert body.decode("latin-1") not in str(caught.value)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"i-1234567890abcdef0",
        b"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGaFQ my-key\n",
        b"-----BEGIN CERTIFICATE-----\nMIIE\n-----END CERTIFICATE-----\n",
        b"-----BEGIN PUBLIC KEY-----\nMIIE\n-----END PUBLIC KEY-----\n",
        b"-----BEGIN PKCS7-----\nMIIE\n-----END PKCS7-----\n",
        b'{"Code" : "Success", "InstanceProfileId" : "AIPAIOSFODNN7EXAMPLE"}',
        b'{"accountId": "123456789012", "imageId": "ami-0abcdef1234567890"}',
        b'[{"Code": "system-reboot", "EventId": "instance-event-1234567890abcdef0"}]',
        b'{"noticeTime": "2026-01-15T08:00:00Z"}',
        b'{"tokens": 5, "token_ttl": 21600, "passwordless": true, "secretary": "Ann"}',
        b"asiapacificsoutheast",
        b"Secret santa, token effort",
        b"password policy: strict",
        b"security-credentials",
        b"keyjudge.keyjustice.",
        b"MAKIAIOSFODNN7EXAMPLE",
        b"AKIAIOSFODNN7EXAMPLEX",
        b"AROAIOSFODNN7EXAMPLE",
        b"eyJhbGciOiJIUzI1NiJ9",
    ],
    ids=lambda body: repr(body[:40]),
)
def test_other_body_is_not_withheld(body: bytes) -> None:
    assert Withholding(Asked(body)).get("meta-data/future/lease") == body


@pytest.mark.parametrize("directory", ["meta-data/tags/instance/", "meta-data/public-keys/", "meta-data/"])
def test_listing_is_not_taken_for_credentials(directory: str) -> None:
    assert Withholding(Asked(b"AKIAIOSFODNN7EXAMPLE")).get(directory) == b"AKIAIOSFODNN7EXAMPLE"


@pytest.mark.parametrize("name", ALL)
def test_only_what_is_secret_of_an_instance_is_withheld(name: str) -> None:
    snapshot = instances.load(name)
    source = Withholding(snapshot)

    withheld = {path for path in snapshot.bodies if is_withheld(source, path)}

    assert withheld == {
        path
        for path, body in snapshot.bodies.items()
        if "security-credentials" in path or path in WITHHELD_NAMES.values() or b"SecretAccessKey" in body
    }


def is_withheld(source: Withholding, path: str) -> bool:
    try:
        source.get(path)
    except WithheldError:
        return True
    return False


# What is included


@pytest.mark.parametrize(("name", "path"), WITHHELD_NAMES.items())
def test_name_includes_its_path_and_what_is_below(name: str, path: str) -> None:
    body = b'{"SecretAccessKey": "EXAMPLEKEY"}'
    source = Withholding(Asked(body), [name])

    assert source.get(path) == body
    assert source.get(f"{path.rstrip('/')}/x") == body


@pytest.mark.parametrize("name", WITHHELD_NAMES)
def test_name_includes_nothing_else(name: str) -> None:
    source = Withholding(Asked(), [name])

    for other, path in WITHHELD_NAMES.items():
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
def test_path_includes_itself_and_what_is_below(included: str) -> None:
    source = Withholding(Asked(CREDENTIALS[0]), [included])

    assert source.get("meta-data/future/lease") == CREDENTIALS[0]


@pytest.mark.parametrize("included", ["meta-data/future/lea", "meta-data/future/lease/x", "dynamic/"])
def test_path_includes_nothing_else(included: str) -> None:
    with pytest.raises(WithheldError):
        Withholding(Asked(CREDENTIALS[0]), [included]).get("meta-data/future/lease")


def test_path_of_credentials_includes_them() -> None:
    source = Withholding(Asked(), ["meta-data/future/security-credentials"])

    assert source.get("meta-data/future/security-credentials/x") == b"a plain value"
    with pytest.raises(WithheldError):
        source.get(ROLE)


@pytest.mark.parametrize("name", ["", "userdata", "USER_DATA", "/", "instance_id", "security-credentials", "*"])
def test_unknown_name_is_an_error_that_lists_those_that_are_known(name: str) -> None:
    with pytest.raises(UsageError, match=", ".join(WITHHELD_NAMES)) as caught:
        Withholding(Asked(), [name])

    assert repr(name) in str(caught.value)


def test_path_with_dots_is_no_name_to_include() -> None:
    with pytest.raises(UsageError):
        Withholding(Asked(), ["meta-data/../user-data"])


def test_error_holds_nothing_of_the_body() -> None:
    body = json.dumps({"SecretAccessKey": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"}).encode()

    with pytest.raises(WithheldError) as caught:
        Withholding(Asked(body)).get("meta-data/future/lease")

    assert "EXAMPLEKEY" not in repr(vars(caught.value)) + str(caught.value)
    assert caught.value.__context__ is None
