from __future__ import annotations

import copy
import pickle
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from hypothesis import given
from hypothesis import strategies as st

from signer.errors import KeyMaterialError
from signer.keys import HashAlgorithm, KeyAlgorithm, PrivateKey, PublicKey
from tests.key_forms import raw

if TYPE_CHECKING:
    from collections.abc import Callable


MESSAGE = b'{"Statement":[]}'
OPENSSL = shutil.which("openssl")


@pytest.fixture(scope="session", params=list(KeyAlgorithm), ids=lambda item: item.value)
def key(request: pytest.FixtureRequest, rsa_key: PrivateKey, p256_key: PrivateKey) -> PrivateKey:
    return rsa_key if request.param is KeyAlgorithm.RSA_2048 else p256_key


@pytest.mark.parametrize("algorithm", list(KeyAlgorithm))
def test_a_new_key_is_of_the_kind_asked_for(algorithm: KeyAlgorithm) -> None:
    made = PrivateKey.generate(algorithm)
    assert made.algorithm is algorithm
    assert made.public_key().algorithm is algorithm
    inner = raw(made)
    if isinstance(inner, rsa.RSAPrivateKey):
        assert inner.key_size == 2048
        assert inner.public_key().public_numbers().e == 65537
    else:
        assert isinstance(inner.curve, ec.SECP256R1)


def test_a_new_key_is_p256_and_new_each_time() -> None:
    first, second = PrivateKey.generate(), PrivateKey.generate()
    assert first.algorithm is KeyAlgorithm.ECDSA_P256
    assert first.public_key() != second.public_key()


def test_the_kind_of_a_new_key_is_never_guessed() -> None:
    with pytest.raises(AssertionError):
        PrivateKey.generate("RSA_2048")  # type: ignore[arg-type]  # the caller's mistake


def test_a_public_key_is_written_as_cloudfront_takes_it(key: PrivateKey) -> None:
    text = key.public_key().to_pem()
    assert text.startswith("-----BEGIN PUBLIC KEY-----\n")
    assert text.endswith("\n-----END PUBLIC KEY-----\n")
    assert PublicKey.from_pem(text).to_pem() == text


@pytest.mark.parametrize("hash_algorithm", list(HashAlgorithm))
def test_a_signature_is_genuine_for_one_message_hash_and_key(
    key: PrivateKey, hash_algorithm: HashAlgorithm
) -> None:
    signature = key.sign(MESSAGE, hash_algorithm)
    public = key.public_key()
    other = next(item for item in HashAlgorithm if item is not hash_algorithm)
    assert public.verify(signature, MESSAGE, hash_algorithm)
    assert not public.verify(signature, MESSAGE + b" ", hash_algorithm)
    assert not public.verify(signature, MESSAGE, other)
    assert not PrivateKey.generate().public_key().verify(signature, MESSAGE, hash_algorithm)
    assert not public.verify(b"", MESSAGE, hash_algorithm)
    assert not public.verify(signature[:-1], MESSAGE, hash_algorithm)
    assert not public.verify(signature + b"\0", MESSAGE, hash_algorithm)


def test_a_high_s_signature_is_genuine_too(p256_key: PrivateKey) -> None:
    # OpenSSL does not normalise s, so that CloudFront must take both halves.
    seen = {
        int.from_bytes(p256_key.sign(MESSAGE, HashAlgorithm.SHA256)[-32:]) >> 255 for _ in range(40)
    }
    assert seen == {0, 1}


@pytest.mark.parametrize("hash_algorithm", list(HashAlgorithm))
def test_raw_r_and_s_are_recognised_but_not_genuine(
    p256_key: PrivateKey, rsa_key: PrivateKey, hash_algorithm: HashAlgorithm
) -> None:
    r, s = decode_dss_signature(p256_key.sign(MESSAGE, hash_algorithm))
    side_by_side = r.to_bytes(32, "big") + s.to_bytes(32, "big")
    public = p256_key.public_key()
    assert public.verify_raw(side_by_side, MESSAGE, hash_algorithm)
    assert not public.verify(side_by_side, MESSAGE, hash_algorithm)
    assert not public.verify_raw(side_by_side, MESSAGE + b" ", hash_algorithm)
    assert not public.verify_raw(side_by_side[:-1], MESSAGE, hash_algorithm)
    assert not public.verify_raw(bytes(64), MESSAGE, hash_algorithm)
    assert not public.verify_raw(b"\xff" * 64, MESSAGE, hash_algorithm)
    assert not rsa_key.public_key().verify_raw(side_by_side, MESSAGE, hash_algorithm)


@given(signature=st.one_of(st.binary(max_size=80), st.binary(min_size=256, max_size=256)))
def test_no_bytes_are_a_signature_and_none_raise(signature: bytes) -> None:
    for public in PUBLIC_KEYS:
        for hash_algorithm in HashAlgorithm:
            assert not public.verify(signature, MESSAGE, hash_algorithm)
            assert not public.verify_pss(signature, MESSAGE, hash_algorithm)


PUBLIC_KEYS = [PrivateKey.generate(algorithm).public_key() for algorithm in KeyAlgorithm]


@pytest.mark.parametrize("hash_algorithm", list(HashAlgorithm))
def test_pss_is_recognised_but_not_genuine(
    rsa_key: PrivateKey, p256_key: PrivateKey, hash_algorithm: HashAlgorithm
) -> None:
    inner = raw(rsa_key)
    assert isinstance(inner, rsa.RSAPrivateKey)
    algorithm = hashes.SHA1() if hash_algorithm is HashAlgorithm.SHA1 else hashes.SHA256()
    pss = padding.PSS(padding.MGF1(algorithm), padding.PSS.MAX_LENGTH)
    signature = inner.sign(MESSAGE, pss, algorithm)
    public = rsa_key.public_key()
    assert public.verify_pss(signature, MESSAGE, hash_algorithm)
    assert not public.verify(signature, MESSAGE, hash_algorithm)
    assert not public.verify_pss(rsa_key.sign(MESSAGE, hash_algorithm), MESSAGE, hash_algorithm)
    assert not p256_key.public_key().verify_pss(signature, MESSAGE, hash_algorithm)


def openssl(*arguments: str | Path) -> bool:
    command = [str(OPENSSL), "dgst", *map(str, arguments)]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0


@pytest.mark.skipif(OPENSSL is None, reason="the openssl command is not installed")
@pytest.mark.parametrize("hash_algorithm", list(HashAlgorithm))
def test_openssl_agrees_about_genuine_and_forged(
    key: PrivateKey, hash_algorithm: HashAlgorithm, tmp_path: Path
) -> None:
    secret, public, message, signature = (tmp_path / name for name in ("key", "pub", "msg", "sig"))
    secret.write_text(key.to_pem())
    public.write_text(key.public_key().to_pem())
    message.write_bytes(MESSAGE)
    name = f"-{hash_algorithm.value.lower()}"

    def theirs(data: bytes) -> bool:
        signature.write_bytes(data)
        return openssl(name, "-verify", public, "-signature", signature, message)

    assert theirs(key.sign(MESSAGE, hash_algorithm))
    assert openssl(name, "-sign", secret, "-out", signature, message)
    genuine = signature.read_bytes()
    assert key.public_key().verify(genuine, MESSAGE, hash_algorithm)
    for position in (0, 1, 3, len(genuine) // 2, len(genuine) - 1):
        forged = bytearray(genuine)
        forged[position] ^= 1
        assert not theirs(bytes(forged))
        assert not key.public_key().verify(bytes(forged), MESSAGE, hash_algorithm)


def forbidding(kind: type, real: object) -> object:
    """Return a key object whose signatures OpenSSL's policy forbids, as on Fedora and in FIPS mode."""

    def refuse(*_: object) -> None:
        raise UnsupportedAlgorithm("sha1 is not allowed")

    members: dict[str, object] = {}
    for name in kind.__abstractmethods__:  # type: ignore[attr-defined]
        members[name] = getattr(real, name)
    members |= {"key_size": 2048, "curve": ec.SECP256R1(), "sign": refuse, "verify": refuse}
    return type("Forbidding", (kind,), members)()


@pytest.mark.parametrize("hash_algorithm", list(HashAlgorithm))
def test_a_hash_that_the_machine_forbids_is_a_typed_error(
    key: PrivateKey, hash_algorithm: HashAlgorithm
) -> None:
    inner = raw(key)
    rsa_kind = isinstance(inner, rsa.RSAPrivateKey)
    kind = rsa.RSAPrivateKey if rsa_kind else ec.EllipticCurvePrivateKey
    private = PrivateKey(forbidding(kind, inner))
    with pytest.raises(KeyMaterialError) as caught:
        private.sign(MESSAGE, hash_algorithm)
    assert caught.value.code == "hash_forbidden"
    public_kind = rsa.RSAPublicKey if rsa_kind else ec.EllipticCurvePublicKey
    public = PublicKey(forbidding(public_kind, inner.public_key()))
    assert not public.verify(b"x", MESSAGE, hash_algorithm)
    assert not public.verify_pss(b"x", MESSAGE, hash_algorithm)


def test_public_keys_compare_by_key(rsa_key: PrivateKey, p256_key: PrivateKey) -> None:
    public = rsa_key.public_key()
    again = PublicKey.from_pem(public.to_pem())
    assert public == again
    assert hash(public) == hash(again)
    assert public != p256_key.public_key()
    assert public != public.fingerprint
    assert {public, again} == {public}


def test_reprs_show_kind_and_fingerprint_only(key: PrivateKey) -> None:
    public = key.public_key()
    assert len(public.fingerprint) == 64
    assert repr(public) == f"PublicKey({key.algorithm.value}, sha256:{public.fingerprint[:16]})"
    assert repr(key) == f"PrivateKey({key.algorithm.value}, sha256:{public.fingerprint[:16]})"


@pytest.mark.parametrize("travel", [pickle.dumps, copy.copy, copy.deepcopy])
def test_a_private_key_does_not_travel(key: PrivateKey, travel: Callable[[Any], object]) -> None:
    with pytest.raises(KeyMaterialError) as caught:
        travel(key)
    assert caught.value.code == "key_not_serialisable"
    with pytest.raises(KeyMaterialError):
        travel({"key": [key]}) if travel is not copy.copy else travel(key)
