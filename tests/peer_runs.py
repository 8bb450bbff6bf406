"""How a test case of another signer is run against ours: one function for each kind of case.

Two things are put on both sides of every comparison alike: a key pair id that ours accepts (peers
use ids such as ``my_id``), and a clock that stands one minute before the expiry, because the dates
of the cases are in the past. Peers' keys of 1,024 bits sign nothing here: for those the text that
ours hands to the key must be the peer's policy, and the peer's signature must verify over it.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Final

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding

from signer.cookies import SignedCookies
from signer.encoding import decode_base64, encode_base64
from signer.errors import InputError, KeyMaterialError, KeyPairIdError, PolicyError
from signer.issuer import Issuer
from signer.keys import HashAlgorithm, KeyAlgorithm, PrivateKey
from signer.policy import Policy
from signer.resource import wire_resource
from signer.signed_policy import identity_parameters, with_parameters
from signer.wire import object_key_path, wire_url
from tests.peer_signing import (
    CASES,
    KEY_PAIR_ID,
    PLACEHOLDER,
    SHA1,
    Case,
    PeerKey,
    Recorder,
    any_issuer,
    issuer,
    parameters,
    with_our_id,
)


def signed_url(case: Case) -> None:
    key = PeerKey(case)
    url = issuer(key, case).signed_url(
        case["url"],
        date_less_than=case["expires"],
        ip_address=case.get("ip"),
        resource=case.get("resource"),
    )
    expected = with_our_id(case, case["expected"])
    check_signature(key, case, parameters(expected)["Signature"])
    if key.key.key_size < 2047:
        placeholder = encode_base64(PLACEHOLDER)
        expected = expected.replace(parameters(expected)["Signature"], placeholder)
    assert url == expected


def signed_cookies(case: Case) -> None:
    key = PeerKey(case)
    cookies = issuer(key, case).signed_cookies(
        case.get("resource") or case["url"],
        date_less_than=case["expires"],
        # The peers sign a * anywhere; for cookies ours wants to be asked twice.
        allow_entire_distribution=True,
    )
    expected = {**case["expected"], "CloudFront-Key-Pair-Id": KEY_PAIR_ID}
    check_signature(key, case, expected["CloudFront-Signature"])
    if key.key.key_size < 2047:
        expected["CloudFront-Signature"] = encode_base64(PLACEHOLDER)
    assert dict(cookies) == expected


def check_signature(key: PeerKey, case: Case, signature: str) -> None:
    """The peer's signature is genuine over the text that ours gave to the key."""
    assert key.texts == [case["policy"].encode()]
    key.key.public_key().verify(decode_base64(signature), key.texts[0], padding.PKCS1v15(), SHA1)


def signed_url_fake(case: Case) -> None:
    url = issuer(Recorder(), case).signed_url(case["url"], date_less_than=case["expires"])
    placeholder = encode_base64(PLACEHOLDER)
    fake = encode_base64(case["signature_bytes_ascii"].encode())
    assert url == with_our_id(case, case["expected"]).replace(fake, placeholder)


def verify_property(case: Case) -> None:
    private = PrivateKey.from_pem(case["private_key_pem"])
    url = issuer(private, case, case["hash"]).signed_url(
        case["url"], date_less_than=case["expires"], ip_address=case["ip"]
    )
    found = parameters(url)
    assert found["Hash-Algorithm"] == case["expected_params"]["Hash-Algorithm"]
    assert set(found) - {"Signature", "Policy", "Expires"} == set(case["expected_params"])
    assert ("Policy" in found) == (case["policy_kind"] == "custom")
    if "Policy" in found:
        assert decode_base64(found["Policy"]).decode() == case["policy"]
    key = serialization.load_pem_public_key(private.public_key().to_pem().encode())
    assert isinstance(key, ec.EllipticCurvePublicKey)
    signature = decode_base64(found["Signature"])
    key.verify(signature, case["policy"].encode(), ec.ECDSA(hashes.SHA256()))


def policy(case: Case) -> None:
    broad = case["url"].endswith("*")
    if broad:
        with pytest.raises(InputError, match="entire distribution"):
            Policy(case["url"], date_less_than=case["expires"])
    ours = Policy(
        case["url"],
        date_less_than=case["expires"],
        date_greater_than=case.get("not_before"),
        ip_address=case.get("ip"),
        allow_entire_distribution=broad,
    ).to_json()
    assert ours == case["expected_policy"]
    if "expected_b64_standard" in case:
        standard = base64.b64encode(ours.encode()).decode()
        assert standard == case["expected_b64_standard"]
        assert encode_base64(ours.encode()) == standard.translate(str.maketrans("+=/", "-_~"))


def reject(case: Case) -> None:
    ours, end = any_issuer(), 1_700_000_060
    documents = {
        "policy without a statement": '{"Statement":[]}',
        "statement with an empty Resource": '{"Statement":[{"Resource":"","Condition":'
        f'{{"DateLessThan":{{"AWS:EpochTime":{end}}}}}}}]}}',
    }
    attempt: Callable[[], object]
    if case["reason"] in documents:
        attempt = partial(
            ours.generate_presigned_url, case["url"], policy=documents[case["reason"]]
        )
    elif case.get("what") == "cookies":
        attempt = partial(ours.signed_cookies, case["url"], date_less_than=end)
    else:
        attempt = partial(ours.signed_url, case["url"], date_less_than=end)
    with pytest.raises(InputError):
        attempt()


def accept(case: Case) -> None:
    assert any_issuer().signed_url(case["url"], expires_in=60).startswith(case["url"] + "&")


def join(case: Case) -> None:
    carrier = next(
        part for part in ("Policy=b64Policy", "Expires=1257894000") if part in case["expected"]
    )
    own = f"{carrier}&Signature=b64Sig" + identity_parameters("KeyID", HashAlgorithm.SHA1)
    assert with_parameters(case["url"], own) == case["expected"]


def base64_map(case: Case) -> None:
    table = str.maketrans(case["input"], case["expected"])
    for data in (bytes(range(length)) + b"\xfb\xff\xfe" for length in range(70)):
        assert encode_base64(data) == base64.b64encode(data).decode().translate(table)


def resource(case: Case) -> None:
    assert wire_resource(case["url"]) == case["expected_resource"]


def object_key(case: Case) -> None:
    assert object_key_path(case["object_key"]) == case["expected_path"]


def key(case: Case) -> None:
    ours = PrivateKey.from_pem(case["private_key_pem"]).public_key()
    assert ours.to_pem() == case["public_key_pem"]


def reject_key(case: Case) -> None:
    with pytest.raises(KeyMaterialError) as caught:
        PrivateKey.from_pem(case["private_key_pem"])
    lines = [line for line in case["private_key_pem"].splitlines() if len(line) > 8]
    assert not any(line in str(caught.value) for line in lines if not line.startswith("-----"))


def key_note(case: Case) -> None:
    """The note on the case asks for what its peer does not do: derive the public part."""
    ours = PrivateKey.from_pem(case["private_key_pem"])
    signature = ours.sign(b"text", HashAlgorithm.SHA256)
    assert ours.public_key().verify(signature, b"text", HashAlgorithm.SHA256)


def accept_key(case: Case) -> None:
    plain = next(one for one in CASES if one.get("name") == case["same_key_as"])
    signatures = {
        PrivateKey.from_pem(one["private_key_pem"]).sign(b"text", HashAlgorithm.SHA1)
        for one in (case, plain)
    }
    assert len(signatures) == 1


def resource_for_url(case: Case) -> None:
    def sign() -> dict[str, str]:
        return parameters(
            any_issuer().signed_url(
                case["url"],
                expires_in=60,
                resource=case["resource"],
                allow_entire_distribution=True,
            )
        )

    if case["expected"] == "reject":
        with pytest.raises(InputError):
            sign()
    else:
        assert ("Policy" in sign()) == (case["expected"] == "custom")


def policy_kind(case: Case) -> None:
    cookies: SignedCookies = any_issuer().signed_cookies(
        case["url"], expires_in=60, allow_entire_distribution=True
    )
    assert ("CloudFront-Policy" in cookies) == (case["expected"] == "custom")


def reject_ip(case: Case) -> None:
    with pytest.raises(PolicyError):
        any_issuer().signed_url("https://example.com/a", expires_in=60, ip_address=case["ip"])


def accept_ip(case: Case) -> None:
    ours = Policy("https://example.com/a", date_less_than=60, ip_address=case["ip"])
    assert ours.ip_address == case["expected"]


def reject_key_pair_id(case: Case) -> None:
    with pytest.raises(KeyPairIdError):
        Issuer(Recorder(), key_pair_id=case["key_pair_id"])


def reject_window(case: Case) -> None:
    start, end = (
        datetime.fromisoformat(case[name]).replace(tzinfo=UTC) for name in ("not_before", "expires")
    )
    with pytest.raises(PolicyError, match="date_greater_than"):
        Policy("https://example.com/a", date_less_than=end, date_greater_than=start)


def reject_time(case: Case) -> None:
    with pytest.raises(PolicyError, match="milliseconds"):
        Policy("https://example.com/a", date_less_than=case["value"])


def hash_for_key(case: Case) -> None:
    with pytest.raises(InputError):
        Issuer(
            PrivateKey.generate(KeyAlgorithm.ECDSA_P256),
            key_pair_id=KEY_PAIR_ID,
            hash_algorithm=HashAlgorithm[case["hash"]]
            if case["hash"] in HashAlgorithm.__members__
            else case["hash"],
        )


def url_kept(case: Case) -> None:
    """What is signed and what is returned are one URL; its query is byte for byte the input's."""
    recorder = Recorder()
    url = issuer(recorder, {"expires": 1_700_000_060}).signed_url(case["url"], expires_in=60)
    base = url[: url.index("Expires=") - 1]
    assert json.loads(recorder.texts[0])["Statement"][0]["Resource"] == base
    assert base.replace(":443", "") == case["url"].replace(":443", "")


def policy_normalise(case: Case) -> None:
    assert any_issuer().generate_presigned_url("https://example.com/a", policy=case["input"])


def wire(case: Case) -> None:
    assert wire_url(case["url"]) == case["expected_wire"]


def policy_b64(case: Case) -> None:
    assert encode_base64(case["policy"].encode()) == case["expected"]


RUNS: Final[dict[str, Callable[[Case], None]]] = {
    "accept": accept,
    "accept_ip": accept_ip,
    "accept_key": accept_key,
    "base64_map": base64_map,
    "hash_for_key": hash_for_key,
    "join": join,
    "key": key,
    "key_note": key_note,
    "object_key_to_path": object_key,
    "policy": policy,
    "policy_b64": policy_b64,
    "policy_kind_for_resource": policy_kind,
    "policy_normalise": policy_normalise,
    "reject": reject,
    "reject_ip": reject_ip,
    "reject_key": reject_key,
    "reject_key_pair_id": reject_key_pair_id,
    "reject_time": reject_time,
    "reject_window": reject_window,
    "resource": resource,
    "resource_for_url": resource_for_url,
    "signed_cookies": signed_cookies,
    "signed_url": signed_url,
    "signed_url_fake": signed_url_fake,
    "url_kept": url_kept,
    "verify_property": verify_property,
    "wire_url": wire,
}
