"""Password hashes equal those of OpenSSL."""

from __future__ import annotations

import subprocess

import pytest

from ec2facts.render.filters.conversions import password_hash
from ec2facts.render.filters.sha_crypt import sha_crypt
from tests.render.config_readers import Program


@pytest.mark.parametrize(("hash_name", "option"), [("sha256", "-5"), ("sha512", "-6")])
@pytest.mark.parametrize("password", ["a", "Hello world!", "é" * 40, "x" * 200])
@pytest.mark.parametrize("salt", ["a", "saltstring", "./0123456789abcd"])
def test_hash_equals_that_of_openssl(hash_name: str, option: str, password: str, salt: str, program: Program) -> None:
    command = [program("openssl"), "passwd", option, "-salt", salt, "-stdin"]

    expected = subprocess.run(command, input=password, capture_output=True, text=True, check=True).stdout

    assert password_hash(password, hash_name, salt) == expected.rstrip("\n")


def test_rounds_are_part_of_the_hash() -> None:
    # The second test vector of SHA-crypt.txt.
    hashed = sha_crypt(b"Hello world!", "sha512", "saltstringsaltst", 10000)

    assert hashed == (
        "$6$rounds=10000$saltstringsaltst$OW1/O6BYHV6BcXZu8QVeXbDWra3Oeqh0sbHbbMCVNSnCM/UrjmM0Dp8vOuZeHBy/YTBmSK6H9qs/"
        "y3RnOaw5v."
    )


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("bcrypt", "a"), "no hashtype 'bcrypt', choose from sha256, sha512"),
        (("sha512",), "a salt is required"),
        (("sha512", "a" * 17), "a salt is required"),
        (("sha512", "a$b"), "a salt is required"),
        (("sha512", "a", 999), "rounds must be between 1000"),
        (("sha512", "a", 10**7), "rounds must be between 1000"),
    ],
)
def test_hash_without_salt_or_with_invalid_arguments_is_refused(arguments: tuple[object, ...], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        password_hash("secret", *arguments)  # type: ignore[arg-type] # wrong ones too
