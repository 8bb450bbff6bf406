"""The cases of other signers for which our rule is another one: why, and what ours does instead."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Final, NamedTuple

import pytest

from signer.encoding import decode_base64
from signer.errors import InputError, KeyMaterialError, PolicyError, ResourceError, UrlError
from signer.issuer import Issuer
from signer.keys import HashAlgorithm, KeyAlgorithm, PrivateKey
from signer.wire import wire_url
from tests.peer_signing import KEY_PAIR_ID, Case, PeerKey, any_issuer, issuer, parameters


class Difference(NamedTuple):
    reason: str
    ours: Callable[[Case], None]


def refuses_key_size(case: Case) -> None:
    with pytest.raises(KeyMaterialError) as caught:
        PrivateKey.from_pem(case["private_key_pem"])
    assert caught.value.code == "key_size"


def refuses_policy_resource(case: Case) -> None:
    text = case.get("policy") or case.get("expected_policy")
    assert text is not None
    document = json.loads(text)
    end = document["Statement"][0]["Condition"]["DateLessThan"]["AWS:EpochTime"]
    document["Statement"][0]["Condition"].pop("IpAddress", None)
    with pytest.raises(ResourceError) as caught:
        any_issuer(end - 60).generate_presigned_url(
            "http://abc.cloudfront.net/images/image.jpg", policy=json.dumps(document)
        )
    assert caught.value.code == "resource_protocol"


def refuses_rtmp(case: Case) -> None:
    with pytest.raises(UrlError) as caught:
        any_issuer().signed_url(case["url"], expires_in=60)
    assert caught.value.code == "url_scheme"


def adds_the_slash(case: Case) -> None:
    key = PeerKey(case)
    url = issuer(key, case).signed_url(case["url"], date_less_than=case["expires"])
    assert url.startswith(("https://example.com/?Expires=200&", "https://example.com/?a=b&"))
    assert key.texts == [case["policy"].replace("example.com", "example.com/").encode()]


def sends_the_wildcard_policy(case: Case) -> None:
    url = issuer(PeerKey(case), case).signed_url(
        case["url"], date_less_than=case["expires"], resource=case["resource"]
    )
    found = parameters(url)
    assert decode_base64(found["Policy"]).decode() == case["policy"]
    assert found["Signature"] == parameters(case["expected"])["Signature"]
    assert "Expires" not in found


def makes_canned_cookies_with_the_slash(case: Case) -> None:
    key = PeerKey(case)
    cookies = issuer(key, case).signed_cookies(case["url"], date_less_than=case["expires"])
    assert cookies["CloudFront-Expires"] == str(case["expires"])
    assert "CloudFront-Policy" not in cookies
    assert b'"https://example.com/"' in key.texts[0]


def makes_it_canned(case: Case) -> None:
    url = issuer(PeerKey(case), case).signed_url(case["url"], date_less_than=case["expires"])
    found = parameters(url)
    assert found["Expires"] == str(case["expires"])
    assert found["Signature"] == parameters(case["expected"])["Signature"]
    assert "Policy" not in found


def refuses_the_window(case: Case) -> None:
    with pytest.raises(PolicyError) as caught:
        any_issuer(0).signed_url(
            case["url"], date_less_than=case["expires"], date_greater_than=case["not_before"]
        )
    assert caught.value.code == "time_window"


def encodes_and_refuses_when_strict(case: Case) -> None:
    url = any_issuer().signed_url(case["url"], expires_in=60)
    assert url.isascii()
    assert " " not in url
    with pytest.raises(UrlError) as caught:
        wire_url(case["url"], strict=True)
    assert url.startswith(str(caught.value.evidence["wire"]))


def reads_a_query(case: Case) -> None:
    with pytest.raises(ResourceError) as caught:
        any_issuer().signed_url(case["url"], expires_in=60, resource=case["resource"])
    assert caught.value.code == "resource_mismatch"


def signs_when_it_is_named(case: Case) -> None:
    ours = Issuer(
        PrivateKey.generate(KeyAlgorithm.ECDSA_P256),
        key_pair_id=KEY_PAIR_ID,
        hash_algorithm=HashAlgorithm[case["hash"]],
    )
    assert "Hash-Algorithm" not in ours.signed_url("https://example.com/a", expires_in=60)


def refuses_without_an_end(case: Case) -> None:
    with pytest.raises(PolicyError) as caught:
        any_issuer().generate_presigned_url("https://example.com/a", policy=case["input"])
    assert caught.value.code == "policy_members"


def leaves_legal_characters(case: Case) -> None:
    assert wire_url(case["url"]) == case["url"]


def refuses_the_fragment(case: Case) -> None:
    with pytest.raises(InputError) as caught:
        wire_url(case["url"])
    assert caught.value.code == "url_fragment"


def encodes_the_wildcard_and_the_apostrophe(case: Case) -> None:
    assert wire_url(case["url"]) == case["url"].replace("*", "%2A").replace("'", "%27")


KEY_SIZE = Difference(
    "CloudFront takes RSA keys of 2,048 bits only, so does ours.", refuses_key_size
)
NO_PROTOCOL = Difference(
    "The Resource has no protocol: CloudFront would never match it. Refused.",
    refuses_policy_resource,
)
RTMP = Difference("RTMP distributions ended in 2020. Refused.", refuses_rtmp)
NO_PATH = Difference(
    "Every client sends `/` when a URL has no path, so `/` is what must be signed.", adds_the_slash
)
CANNED = Difference(
    "An exact URL with an end and nothing else is canned: shorter, and the same signature.",
    makes_it_canned,
)
NON_ASCII = Difference(
    "Encoded as every client sends it; `wire_url(strict=True)` refuses and shows the encoded form.",
    encodes_and_refuses_when_strict,
)

DIFFERENT: Final[dict[str, Difference]] = {
    "key/ruby-rsa1024": KEY_SIZE,
    "key/go-rsa2048-e3": Difference(
        "The modulus has 2,047 bits; CloudFront takes 2,048.", refuses_key_size
    ),
    "key/django-storages-rsa1024": KEY_SIZE,
    "ruby/custom-url": NO_PROTOCOL,
    "ruby/custom-cookies": NO_PROTOCOL,
    "ruby/rtmp": RTMP,
    "rust/canned-empty-path": NO_PATH,
    "rust/canned-empty-path-query": NO_PATH,
    "rust/wildcard-resource-canned-shape": Difference(
        "A wildcard needs its policy in the URL; the peer sends `Expires`, which CloudFront refuses.",
        sends_the_wildcard_policy,
    ),
    "rust/cookies": Difference(
        "An exact URL gives `CloudFront-Expires`, as in most peers, and `/` is added to it.",
        makes_canned_cookies_with_the_slash,
    ),
    "rust/policy-not-before": Difference(
        "The start lies after the end: nobody would ever be let in. Refused.", refuses_the_window
    ),
    "go/sign-0": CANNED,
    "go/sign-1": CANNED,
    "go/sign-3-reject": NON_ASCII,
    "go/sign-6": RTMP,
    "go/sign-7": RTMP,
    "botocore/canned-policy": NO_PROTOCOL,
    "botocore/custom-policy": NO_PROTOCOL,
    "botocore/custom-url-fake-signature": NO_PROTOCOL,
    "awscli/policy-resource-74": Difference(
        "The first `?` opens the query, as in the current guide; it is no wildcard in a path. Refused.",
        reads_a_query,
    ),
    "awscli/cookie-resource-reject-96": NON_ASCII,
    "awscli/cookie-resource-reject-97": NON_ASCII,
    "awscli/cookie-resource-reject-98": NON_ASCII,
    "awscli/ecdsa-sha1": Difference(
        "The guide allows either hash with P-256, and most SDKs sign SHA-1; ours does when it is named.",
        signs_when_it_is_named,
    ),
    "php/policy-whitespace": Difference(
        "The policy has no end of access. Refused.", refuses_without_an_end
    ),
    "js3/encode-148": Difference(
        "`=` and `,` are legal in a path and no client changes them; encoding them names another key.",
        leaves_legal_characters,
    ),
    "js3/encode-149": Difference(
        "The URL has a raw `#`: what follows would never reach CloudFront. Refused.",
        refuses_the_fragment,
    ),
    "js3/encode-150": Difference(
        "`;` and `=` stay as no client changes them; `*` is encoded, being a wildcard to CloudFront.",
        encodes_the_wildcard_and_the_apostrophe,
    ),
}
