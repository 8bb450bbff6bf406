"""What every comparison with another signer's test case needs: its keys, its clock, our key pair id."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from signer.issuer import Issuer
from signer.keys import HashAlgorithm, KeyAlgorithm, PrivateKey

Case = dict[str, Any]

CASES: Final[list[Case]] = json.loads(
    (Path(__file__).parent / "vectors" / "peer_test_cases.json").read_text(encoding="utf-8")
)
KEY_PAIR_ID: Final = "K2JCJMDEHXQW5F"
PLACEHOLDER: Final = bytes(256)
SHA1: Final = hashes.SHA1()


class PeerKey:
    """A peer's RSA key of any size, signing through the protocol; it records what it signs."""

    algorithm = KeyAlgorithm.RSA_2048

    def __init__(self, case: Case) -> None:
        key = serialization.load_pem_private_key(case["private_key_pem"].encode(), None)
        assert isinstance(key, rsa.RSAPrivateKey)
        self.key = key
        self.texts: list[bytes] = []

    def sign(self, message: bytes, hash_algorithm: HashAlgorithm) -> bytes:
        assert hash_algorithm is HashAlgorithm.SHA1
        self.texts.append(message)
        signature = self.key.sign(message, padding.PKCS1v15(), SHA1)
        return signature if len(signature) == len(PLACEHOLDER) else PLACEHOLDER


class Recorder:
    """A key that signs nothing and keeps the text."""

    algorithm = KeyAlgorithm.RSA_2048

    def __init__(self) -> None:
        self.texts: list[bytes] = []

    def sign(self, message: bytes, hash_algorithm: HashAlgorithm) -> bytes:
        del hash_algorithm
        self.texts.append(message)
        return PLACEHOLDER


def issuer(key: PeerKey | Recorder | PrivateKey, case: Case, hash_name: str = "SHA1") -> Issuer:
    expires = (
        case.get("expires")
        or json.loads(case["policy"])["Statement"][0]["Condition"]["DateLessThan"]["AWS:EpochTime"]
    )
    return Issuer(
        key,
        key_pair_id=KEY_PAIR_ID,
        hash_algorithm=HashAlgorithm(hash_name),
        clock=lambda: expires - 60,
    )


def any_issuer(now: int = 1_700_000_000) -> Issuer:
    return Issuer(
        Recorder(), key_pair_id=KEY_PAIR_ID, hash_algorithm=HashAlgorithm.SHA1, clock=lambda: now
    )


def with_our_id(case: Case, expected: str) -> str:
    return expected.replace(f"Key-Pair-Id={case['key_pair_id']}", f"Key-Pair-Id={KEY_PAIR_ID}")


def parameters(url: str) -> dict[str, str]:
    return dict(part.split("=", 1) for part in url.partition("?")[2].split("&"))
