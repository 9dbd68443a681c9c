"""Password hashes for crypt(3) with SHA-256 and SHA-512, by Ulrich Drepper's specification, SHA-crypt.txt.

Python 3.13 removed the module crypt.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

DEFAULT_ROUNDS = 5000

_ALPHABET = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

PREFIXES = {"sha256": "5", "sha512": "6"}


def sha_crypt(password: bytes, hash_name: str, salt: str, rounds: int) -> str:
    """Return the hash of a password in the form of /etc/shadow: ``$6$salt$hash``."""
    chosen = "" if rounds == DEFAULT_ROUNDS else f"rounds={rounds}$"
    digest = _digest(password, hash_name, salt.encode(), rounds)
    return f"${PREFIXES[hash_name]}${chosen}{salt}${''.join(_encoded(digest))}"


def _digest(password: bytes, hash_name: str, salt: bytes, rounds: int) -> bytes:
    def digest(data: bytes) -> bytes:
        return hashlib.new(hash_name, data).digest()

    def repeated(data: bytes, length: int) -> bytes:
        return (data * (length // len(data) + 1))[:length]

    other = digest(password + salt + password)
    start = password + salt + repeated(other, len(password))
    bits = len(password)
    while bits:
        start += other if bits & 1 else password
        bits >>= 1
    current = digest(start)
    passwords = repeated(digest(password * len(password)), len(password))
    salts = repeated(digest(salt * (16 + current[0])), len(salt))
    for number in range(rounds):
        data = passwords if number & 1 else current
        data += salts if number % 3 else b""
        data += passwords if number % 7 else b""
        data += current if number & 1 else passwords
        current = digest(data)
    return current


def _encoded(digest: bytes) -> Iterator[str]:
    """Yield the digest in crypt(3)'s base64, which takes bytes from the three thirds of the digest in turn."""
    third = len(digest) // 3
    turn = 1 if len(digest) == 64 else -1
    for number in range(third):
        triple = [number, number + third, number + 2 * third]
        by = turn * number % 3
        yield _base64_group(bytes(digest[place] for place in triple[by:] + triple[:by]), 4)
    rest = digest[3 * third :]
    yield _base64_group(bytes(3 - len(rest)) + rest[::-1], len(rest) + 1)


def _base64_group(group: bytes, characters: int) -> str:
    bits = int.from_bytes(group, "big")
    return "".join(_ALPHABET[bits >> 6 * place & 63] for place in range(characters))
