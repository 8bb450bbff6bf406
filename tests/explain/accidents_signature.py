"""Accidents in signing: each function makes a request that its number explains."""

from __future__ import annotations

import base64
import json

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from signer.encoding import encode_base64
from signer.errors import KeyMaterialError
from signer.explain import Context, Explanation
from signer.keys import PrivateKey, PublicKey
from signer.policy import canned_policy_text
from tests.explain.making import (
    END,
    HOST,
    OTHER_KID,
    SHA1,
    SHA256,
    URL,
    Keys,
    accident,
    canned,
    custom,
    explained,
    policy,
    signed,
)


@accident(2)
def undefined_key_pair_id(keys: Keys) -> Explanation:
    return explained(canned(keys.p256, kid="undefined"), keys.p256)


@accident(2)
def empty_key_pair_id(keys: Keys) -> Explanation:
    return explained(canned(keys.p256, kid=""), keys.p256)


@accident(3)
def key_group_id(keys: Keys) -> Explanation:
    return explained(canned(keys.p256, kid="e9fcd3cf-f3f4-4b61-bd85-9ba9e091b309"), keys.p256)


@accident(3)
def access_key_id(keys: Keys) -> Explanation:
    return explained(canned(keys.p256, kid="AKIAIOSFODNN7EXAMPLE"), keys.p256)


@accident(3)
def distribution_id(keys: Keys) -> Explanation:
    return explained(canned(keys.p256, kid="E1A2B3C4D5E6F7"), keys.p256)


@accident(3)
def key_name(keys: Keys) -> Explanation:
    return explained(canned(keys.p256, kid="my-public-key"), keys.p256)


@accident(4, also=[9])
def unknown_key_after_the_end(keys: Keys) -> Explanation:
    return explained(canned(keys.other, kid=OTHER_KID), keys.p256, now=END + 1)


@accident(6)
def removed_key(keys: Keys) -> Explanation:
    return explained(canned(keys.other, kid=OTHER_KID), keys.p256)


@accident(18)
def escaped_ampersand(keys: Keys) -> Explanation:
    url = f"{URL}?a=1&b=2"
    over = canned_policy_text(url, END).replace("&", "\\u0026")
    return explained(canned(keys.p256, url, over=over), keys.p256)


@accident(18)
def escaped_slashes(keys: Keys) -> Explanation:
    over = canned_policy_text(URL, END).replace("/", "\\/")
    return explained(canned(keys.p256, over=over), keys.p256)


@accident(19)
def spaced_policy(keys: Keys) -> Explanation:
    over = json.dumps(json.loads(canned_policy_text(URL, END)))
    return explained(canned(keys.p256, over=over), keys.p256)


@accident(19)
def trailing_line_break(keys: Keys) -> Explanation:
    return explained(canned(keys.rsa, over=canned_policy_text(URL, END) + "\n"), keys.rsa)


@accident(19)
def member_order(keys: Keys) -> Explanation:
    condition = {"DateLessThan": {"AWS:EpochTime": END}}
    document = {"Statement": [{"Condition": condition, "Resource": URL}]}
    over = json.dumps(document, separators=(",", ":"))
    return explained(canned(keys.p256, over=over), keys.p256)


@accident(19)
def custom_policy_stripped_after_signing(keys: Keys) -> Explanation:
    text = policy()
    over = json.dumps(json.loads(text), indent=2)
    return explained(custom(keys.p256, text=text, over=over), keys.p256)


@accident(20)
def standard_base64(keys: Keys) -> Explanation:
    text = policy()
    signature = base64.b64encode(keys.rsa.sign(text.encode(), SHA256)).decode()
    carrier = f"Policy={encode_base64(text.encode())}"
    return explained(signed(URL, carrier=carrier, signature=signature), keys.rsa)


@accident(20)
def url_safe_base64(keys: Keys) -> Explanation:
    # One of three alignments puts the ? where the alphabets differ.
    for start in ("*", "a*", "a.*"):
        text = policy(f"{HOST}/films/{start}?*")
        encoded = base64.urlsafe_b64encode(text.encode()).decode()
        if "_" in encoded:
            break
    url = custom(keys.p256, text=text)
    return explained(url.replace(encode_base64(text.encode()), encoded), keys.p256)


@accident(20)
def padding_lost(keys: Keys) -> Explanation:
    url = canned(keys.rsa)
    return explained(url.replace("__&", "&"), keys.rsa)


@accident(21)
def line_breaks(keys: Keys) -> Explanation:
    signature = keys.rsa.sign(canned_policy_text(URL, END).encode(), SHA256)
    lines = base64.encodebytes(signature).decode().strip()
    text = lines.translate(str.maketrans("+=/", "-_~")).replace("\n", "%0A")
    return explained(signed(URL, carrier=f"Expires={END}", signature=text), keys.rsa)


@accident(22)
def base64_signed(keys: Keys) -> Explanation:
    text = policy()
    return explained(custom(keys.p256, text=text, over=encode_base64(text.encode())), keys.p256)


@accident(22)
def canned_base64_signed(keys: Keys) -> Explanation:
    over = base64.b64encode(canned_policy_text(URL, END).encode()).decode()
    return explained(canned(keys.p256, over=over), keys.p256)


@accident(23)
def marker_missing(keys: Keys) -> Explanation:
    return explained(canned(keys.p256, marker=None), keys.p256)


@accident(23)
def marker_with_sha1(keys: Keys) -> Explanation:
    return explained(canned(keys.rsa, with_hash=SHA1), keys.rsa)


@accident(23)
def marker_in_lower_case(keys: Keys) -> Explanation:
    return explained(canned(keys.p256, marker="sha256"), keys.p256)


@accident(24)
def raw_r_and_s(keys: Keys) -> Explanation:
    der = keys.p256.sign(canned_policy_text(URL, END).encode(), SHA256)
    raw = b"".join(part.to_bytes(32, "big") for part in decode_dss_signature(der))
    return explained(signed(URL, carrier=f"Expires={END}", signature=raw), keys.p256)


@accident(24)
def raw_r_and_s_without_a_key(keys: Keys) -> Explanation:
    der = keys.p256.sign(canned_policy_text(URL, END).encode(), SHA256)
    raw = b"".join(part.to_bytes(32, "big") for part in decode_dss_signature(der))
    while raw[0] == 0x30:
        raw = raw[1:] + raw[:1]
    return explained(signed(URL, carrier=f"Expires={END}", signature=raw), None)


@accident(25)
def pss_padding(keys: Keys) -> Explanation:
    private = serialization.load_pem_private_key(keys.rsa.to_pem().encode(), None)
    assert isinstance(private, rsa.RSAPrivateKey)
    pss = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.MAX_LENGTH)
    signature = private.sign(canned_policy_text(URL, END).encode(), pss, hashes.SHA256())
    return explained(signed(URL, carrier=f"Expires={END}", signature=signature), keys.rsa)


@accident(26)
def key_of_another_id(keys: Keys) -> Explanation:
    return explained(canned(keys.other), keys.p256, trusted={OTHER_KID: keys.other})


@accident(26)
def private_key_does_not_match(keys: Keys) -> Explanation:
    context = Context(signing_key=keys.other.public_key())
    return explained(canned(keys.other), keys.p256, context=context)


@accident(27, severity="warning")
def key_too_large(keys: Keys) -> Explanation:
    large = rsa.generate_private_key(public_exponent=65537, key_size=3072)
    return explained(canned(keys.p256), keys.p256, context=_unusable(large.public_key()))


@accident(27, also=[6])
def wrong_curve(keys: Keys) -> Explanation:
    stranger = ec.generate_private_key(ec.SECP384R1()).public_key()
    url = canned(keys.p256, kid=OTHER_KID)
    return explained(url, keys.p256, context=_unusable(stranger))


def _unusable(key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey) -> Context:
    pem = key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    try:
        PublicKey.from_pem(pem)
    except KeyMaterialError as error:
        return Context(unusable_keys={OTHER_KID: error})
    raise AssertionError


@accident(28)
def signed_for_the_cloudfront_name(keys: Keys) -> Explanation:
    other = "d111111abcdef8.cloudfront.net"
    over = canned_policy_text(URL.replace("cdn.example.com", other), END)
    return explained(canned(keys.p256, over=over), keys.p256, context=Context(hosts=(other,)))


@accident(28)
def viewer_used_another_host(keys: Keys) -> Explanation:
    issued = canned(keys.p256)
    sent = issued.replace("cdn.example.com", "d111111abcdef8.cloudfront.net")
    return explained(sent, keys.p256, context=Context(issued_url=issued))


@accident(29)
def http_requested(keys: Keys) -> Explanation:
    return explained(canned(keys.p256).replace("https:", "http:"), keys.p256)


@accident(32)
def wildcard_signed_as_canned(keys: Keys) -> Explanation:
    over = canned_policy_text(f"{HOST}/films/*", END)
    return explained(canned(keys.p256, over=over), keys.p256)


@accident(34)
def canned_date_quoted_when_signed(keys: Keys) -> Explanation:
    over = canned_policy_text(URL, f'"{END}"')
    return explained(canned(keys.p256, over=over), keys.p256)


@accident(50, severity="note")
def sha1_used(keys: Keys) -> Explanation:
    return explained(canned(keys.rsa, with_hash=SHA1, marker=None), keys.rsa)


@accident(9, also=[15])
def several_reasons_at_once(keys: Keys) -> Explanation:
    return explained(canned(keys.p256) + "&x=1", keys.p256, now=END + 86_400)


@accident(23, also=[16])
def two_accidents_in_one_signature(keys: Keys) -> Explanation:
    url = f"{URL}?b=2&a=1"
    sent = canned(keys.p256, url, marker=None).replace("b=2&a=1", "a=1&b=2")
    return explained(sent, keys.p256)


@accident(26)
def only_the_private_key_is_known(keys: Keys) -> Explanation:
    # The public key comes from elsewhere and is another one.
    context = Context(signing_key=PrivateKey.generate().public_key())
    return explained(canned(keys.p256, marker="SHA256"), keys.other, context=context)
