"""The heuristic for secrets: true positives, true negatives, and linear time."""

from __future__ import annotations

import base64
import gzip
import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ec2facts.collection.secrets import SHAPES, Shape, compiled, looks_secret

AWS_ID = b"AKIAIOSFODNN7EXAMPLE"

# Split, because secret scanners would report a whole token.
CAUGHT: dict[str, list[bytes]] = {
    "private keys": [
        b"-----BEGIN PRIVATE KEY-----\nMIIE",
        b"-----BEGIN RSA PRIVATE KEY-----\nMIIE",
        b"-----BEGIN EC PRIVATE KEY-----\nMIIE",
        b"-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIE",
        b"-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl",
        b"-----BEGIN PGP PRIVATE KEY BLOCK-----\n",
        b"-----BEGIN CERTIFICATE-----\nMIIE\n-----END CERTIFICATE-----\n-----BEGIN RSA PRIVATE KEY-----\nMIIE",
        b"---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----\nEXAMPLE",
        b"PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none",
        b"AGE-SECRET-KEY-1EXAMPLE",
        b"untrusted comment: minisign encrypted secret key\nEXAMPLE",
        b"untrusted comment: signify secret key\nEXAMPLE",
        b'{"kty": "EC", "crv": "P-256", "x": "EXAMPLE", "d": "EXAMPLE"}',
        b'{"d":"EXAMPLE","kty":"OKP"}',
    ],
    "AWS access key IDs": [
        AWS_ID,
        b"key=ASIAIOSFODNN7EXAMPLE;",
        b"\xff\xfe binary \x00 AKIAIOSFODNN7EXAMPLE \x00",
    ],
    "named secrets": [
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
        b'{"auths": {"registry.example.com": {"auth": "EXAMPLE"}}}',
        b"[default]\naws_access_key_id = EXAMPLE\naws_secret_access_key = EXAMPLEKEY\n",
        b"export AWS_SECRET_ACCESS_KEY='EXAMPLEKEY'",
        b"AWS_SESSION_TOKEN=EXAMPLE",
        b"AWS_SECURITY_TOKEN=EXAMPLE",
        b"security-token: EXAMPLE",
        b"aws-secret-access-key: EXAMPLEKEY",
        b"<SecretAccessKey>EXAMPLEKEY</SecretAccessKey>",
        b"DB_PASSWORD=EXAMPLE",
        b"user: app\npasswd: EXAMPLE\n",
        b"secretKey: EXAMPLE",
        b"secret_key => 'EXAMPLE'",
        b"password := EXAMPLE",
        b"Server=db;User Id=app;Pwd=EXAMPLE;",
        b"AccountKey=EXAMPLE;EndpointSuffix=core.windows.net",
        b"client-key-data: EXAMPLE",
        b"bot_token = EXAMPLE",
        b"[Interface]\nPrivateKey = EXAMPLE\nAddress = 10.0.0.1/24",
    ],
    "name/value pairs": [
        b'{"name": "DB_PASSWORD", "value": "EXAMPLE"}',
        b'[{"Key":"app.secret","Value":"EXAMPLE"}]',
        b'{"ParameterKey": "DbPassword", "ParameterValue": "EXAMPLE"}',
        b"<property><name>fs.s3a.secret.key.token</name><value>EXAMPLE</value></property>",
    ],
    "arguments and logins": [
        b"mysql --user app --password EXAMPLE",
        b"kubeadm join 10.0.0.1:6443 --token EXAMPLE",
        b"machine example.com login app password EXAMPLE",
        b"machine example.com\n  login app\n  password EXAMPLE",
    ],
    "bearer tokens": [
        b"Authorization: Bearer EXAMPLE",
        b'{"authorization": "Basic EXAMPLE"}',
        b"curl -H 'X-Auth: Bearer 0123456789abcdefEXAMPLE'",
        b"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.EXAMPLE",
        b"Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJib2IifQ.",
    ],
    "vendor tokens": [
        b"gh" + b"p_" + 36 * b"A",
        b"github" + b"_pat_" + 22 * b"A",
        b"gl" + b"pat-" + 20 * b"A",
        b"xo" + b"xb-" + 12 * b"1",
        b"sk" + b"_live_" + 24 * b"a",
        b"sk" + b"-" + 40 * b"a",
        b"AI" + b"za" + 35 * b"A",
        b"ya29" + b"." + 30 * b"a",
        b"np" + b"m_" + 36 * b"A",
        b"py" + b"pi-AgEIcHlwaS5vcmc" + 30 * b"A",
        b"dckr" + b"_pat_" + 20 * b"A",
        b"hv" + b"s." + 24 * b"A",
        b"do" + b"p_v1_" + 64 * b"a",
        b"S" + b"G." + 22 * b"a" + b"." + 43 * b"b",
        b"shp" + b"at_" + 32 * b"a",
        14 * b"a" + b".atlas" + b"v1." + 60 * b"a",
        b"https://hooks." + b"slack.com/services/T0/B0/EXAMPLE",
        b"https://example.com/x?sv=2022&sig=" + 40 * b"a",
        b"https://bucket.s3.amazonaws.com/x?X-Amz-Signature=EXAMPLE",
    ],
    "URLs with a password": [
        b"postgres://app:EXAMPLE@db.example.com/app",
        b"https://user:EXAMPLE@example.com",
        b"redis://:EXAMPLE@cache:6379/0",
        b"git clone https://oauth2:EXAMPLE@git.example.com/x.git",
    ],
    "SAML": [
        b'<saml:Assertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion">',
        b"SAMLResponse=EXAMPLE",
        b'<samlp:Response ID="x">',
    ],
    "password hashes": [
        b"app:$6$saltsalt$EXAMPLEEXAMPLEEXAMPLE:19000:0:99999:7:::",
        b"$2b$12$EXAMPLEEXAMPLEEXAMPLEEXAMPLE",
        b"$argon2id$v=19$m=65536,t=3,p=4$EXAMPLE",
    ],
}

LEFT_ALONE = [
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
    b'{"kty": "EC", "crv": "P-256", "x": "EXAMPLE"}',
    b'{"name": "tokens", "value": 5}',
    b"asiapacificsoutheast",
    b"Secret santa, token effort",
    b"password policy: strict",
    b"password:",
    b"password=\n",
    b"basic authentication is off",
    b"the bearer of good news",
    b"security-credentials",
    b"keyjudge.keyjustice.",
    b"MAKIAIOSFODNN7EXAMPLE",
    b"AKIAIOSFODNN7EXAMPLEX",
    b"AROAIOSFODNN7EXAMPLE",
    b"eyJhbGciOiJIUzI1NiJ9",
    b"https://example.com:8080/a@b",
    b"http://[2001:db8::1]:80/",
    b"arn:aws:iam::123456789012:instance-profile/web",
    b"git@github.com:org/repo.git",
    b"risk-averse and task-oriented-development",
    b"pwd",
    b"costs $5 or $6 each",
    b"\x1f\x8b not gzip",
    b"A" * 100,
    b"\\u0041",
]


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.title)
def test_every_kind_has_examples_that_its_own_pattern_matches(shape: Shape) -> None:
    assert CAUGHT[shape.title]
    assert [body for body in CAUGHT[shape.title] if not compiled(shape.pattern).search(body)] == []


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.title)
@given(data=st.data())
def test_every_match_of_a_pattern_holds_a_clue(shape: Shape, data: st.DataObject) -> None:
    body = data.draw(st.from_regex(compiled(shape.pattern)))

    assert [clue for clue in shape.clues if clue.encode() in body.lower()]


@pytest.mark.parametrize(
    "body", [body for bodies in CAUGHT.values() for body in bodies], ids=lambda body: repr(body[:40])
)
def test_body_that_looks_like_a_secret_is_detected(body: bytes) -> None:
    assert looks_secret(body)
    assert looks_secret(b"a line before\n" + body)


ENCODED: dict[str, Any] = {
    "JSON escapes": lambda body: json.dumps({"x": [body.decode()]}).replace("A", "\\u0041").encode(),
    "base64": base64.b64encode,
    "base64 for URLs": base64.urlsafe_b64encode,
    "base64 in lines": lambda body: base64.encodebytes(body * 8),
    "base64 inside text": lambda body: b"data: '" + base64.b64encode(body + b"  ") + b"'\n",
    "base64 without padding": lambda body: base64.b64encode(body + b" ").rstrip(b"="),
    "gzip": gzip.compress,
    "gzip in base64": lambda body: base64.b64encode(gzip.compress(body)),
}


@pytest.mark.parametrize("encode", ENCODED.values(), ids=ENCODED)
def test_secret_is_detected_after_one_decoding(encode: Any) -> None:
    assert looks_secret(encode(b" " + AWS_ID + b" "))
    assert not looks_secret(encode(b" nothing secret at all "))


def test_secret_in_a_json_text_inside_json_is_detected() -> None:
    assert looks_secret(json.dumps([json.dumps({"token": "EXAMPLE"})]).encode())
    assert not looks_secret(json.dumps([json.dumps({"name": "EXAMPLE"})]).encode())


@pytest.mark.parametrize("body", LEFT_ALONE, ids=lambda body: repr(body[:40]))
def test_harmless_body_is_not_detected(body: bytes) -> None:
    assert not looks_secret(body)


def test_decompression_of_gzip_is_bounded() -> None:
    bomb = gzip.compress(b"\0" * 4 * 1024 * 1024 + AWS_ID)

    assert not looks_secret(bomb)


PIECES = [
    *(b"eyJ-", b"eyJ", b'"', b'"a', b'":', b"password ", b"://", b"://a:", b"a:", b"--token"),
    *(b"machine ", b"machine a login b ", b'"kty":', b'"d":', b'"name":"', b"secret", b"-----BEGIN "),
    *(b"A", b"a-", b"bearer ", b" ", b"\\u0041", b"passwd\t", b"access-", b'{"a":', b"[", b"eyJaaaaaaa", b"=A"),
]


@pytest.mark.parametrize("piece", PIECES, ids=repr)
def test_repeated_part_of_a_secret_is_not_detected(piece: bytes) -> None:
    assert not looks_secret(piece * (65536 // len(piece)))


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.title)
def test_every_repetition_is_bounded_for_linear_time(shape: Shape) -> None:
    # This pattern can start only once in a run of the characters that it repeats.
    guarded = r"(?<![\w-]) eyJ [\w-]{8,} \. eyJ [\w-]{8,} \."
    without_classes = re.sub(r"\\.|\[(?:\\.|[^\]\\])*\]", "x", shape.pattern.replace(guarded, ""))

    assert re.findall(r"[*+]|\{\d+,\}", without_classes) == []
