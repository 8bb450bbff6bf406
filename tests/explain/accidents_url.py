"""URLs that changed after signing, or were signed in another form than they are sent."""

from __future__ import annotations

from signer.encoding import encode_base64
from signer.explain import Context, Explanation
from signer.policy import canned_policy_text
from tests.explain.making import (
    END,
    HOST,
    SHA256,
    URL,
    Keys,
    accident,
    canned,
    custom,
    explained,
    signed,
)


@accident(14)
def expires_changed_by_hand(keys: Keys) -> Explanation:
    return explained(canned(keys.p256).replace(str(END), str(END + 7200)), keys.p256)


@accident(14)
def expires_differs_from_issued(keys: Keys) -> Explanation:
    issued = canned(keys.rsa)
    changed = issued.replace(str(END), str(END + 123_456))
    return explained(changed, keys.rsa, context=Context(issued_url=issued))


@accident(15)
def tracking_parameter(keys: Keys) -> Explanation:
    return explained(canned(keys.p256, f"{URL}?v=1").replace("?", "?utm_source=x&", 1), keys.p256)


@accident(15)
def three_parameters(keys: Keys) -> Explanation:
    return explained(canned(keys.rsa, f"{URL}?v=1") + "&a=1&b=2&c=3", keys.rsa)


@accident(15)
def parameter_beside_exact_resource(keys: Keys) -> Explanation:
    return explained(custom(keys.p256, f"{URL}?utm=1", resource=URL), keys.p256)


@accident(15)
def parameter_compared_with_issued(keys: Keys) -> Explanation:
    issued = canned(keys.p256, f"{URL}?v=1")
    added = issued + "".join(f"&p{index}=1" for index in range(12))
    return explained(added, keys.p256, context=Context(issued_url=issued))


@accident(16)
def plus_for_space(keys: Keys) -> Explanation:
    sent = canned(keys.p256, f"{URL}?name=a%20b").replace("%20", "+")
    return explained(sent, keys.p256)


@accident(16)
def apostrophe(keys: Keys) -> Explanation:
    return explained(canned(keys.p256, f"{URL}?f=UTF-8''a"), keys.p256)


@accident(16)
def tilde_encoded(keys: Keys) -> Explanation:
    url = f"{HOST}/~ada/a.mp4"
    return explained(canned(keys.p256, url).replace("~ada", "%7Eada"), keys.p256)


@accident(16)
def hex_case(keys: Keys) -> Explanation:
    url = f"{HOST}/a%c3%a9.mp4"
    return explained(canned(keys.p256, url).replace("%c3%a9", "%C3%A9"), keys.p256)


@accident(16)
def parameters_reordered(keys: Keys) -> Explanation:
    url = f"{URL}?b=2&a=1"
    return explained(canned(keys.p256, url).replace("b=2&a=1", "a=1&b=2"), keys.p256)


@accident(16)
def dot_segments(keys: Keys) -> Explanation:
    return explained(canned(keys.p256, f"{HOST}/films/../a.mp4"), keys.p256)


@accident(16)
def upper_case_host(keys: Keys) -> Explanation:
    return explained(canned(keys.p256, URL.replace("cdn.", "CDN.")), keys.p256)


@accident(16)
def default_port(keys: Keys) -> Explanation:
    return explained(canned(keys.p256, URL.replace(".com/", ".com:443/")), keys.p256)


@accident(16)
def signature_percent_encoded(keys: Keys) -> Explanation:
    signature = keys.p256.sign(canned_policy_text(URL, END).encode(), SHA256)
    text = encode_base64(signature)
    encoded = f"%{ord(text[0]):02X}{text[1:]}"
    return explained(signed(URL, carrier=f"Expires={END}", signature=encoded), keys.p256)


@accident(17)
def raw_space_signed(keys: Keys) -> Explanation:
    return explained(canned(keys.p256, f"{HOST}/my film.mp4"), keys.p256)


@accident(17)
def raw_letters_signed(keys: Keys) -> Explanation:
    raw = f"{HOST}/é.mp4"
    sent = canned(keys.rsa, f"{HOST}/%C3%A9.mp4", over=canned_policy_text(raw, END))
    return explained(sent, keys.rsa)


@accident(17)
def raw_letters_escaped_in_json(keys: Keys) -> Explanation:
    over = canned_policy_text(f"{HOST}/my file \\u00e9.mp4", END)
    return explained(canned(keys.rsa, f"{HOST}/my file é.mp4", over=over), keys.rsa)


@accident(17)
def over_encoded_path(keys: Keys) -> Explanation:
    over = canned_policy_text(f"{HOST}/w%3D100%2Ca.jpg", END)
    return explained(canned(keys.p256, f"{HOST}/w=100,a.jpg", over=over), keys.p256)


@accident(17)
def raw_space_in_resource(keys: Keys) -> Explanation:
    resource = f"{HOST}/my films/*"
    return explained(custom(keys.p256, f"{HOST}/my%20films/a.mp4", resource=resource), keys.p256)


@accident(8)
def presigned_for_s3(keys: Keys) -> Explanation:
    del keys
    host = "https://media.s3.eu-central-1.amazonaws.com"
    query = "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date=20270115T080000Z&X-Amz-Expires=60"
    query += f"&X-Amz-Security-Token={'t' * 200}&X-Amz-Signature={'0' * 64}"
    return explained(f"{host}/a.txt?{query}", None)


def html(url: str) -> str:
    return url.replace("&", "&amp;")


@accident(51)
def html_escaped(keys: Keys) -> Explanation:
    return explained(html(canned(keys.p256)), keys.p256)


@accident(51)
def html_escaped_with_an_own_parameter_first(keys: Keys) -> Explanation:
    return explained(html(custom(keys.rsa, f"{URL}?v=1&w=2")), keys.rsa)


@accident(51)
def html_escaped_twice_in_capitals(keys: Keys) -> Explanation:
    return explained(html(html(canned(keys.p256))).replace("&amp;", "&AMP;"), keys.p256)


@accident(51)
def html_escaped_by_number_is_cut_at_the_fragment(keys: Keys) -> Explanation:
    return explained(canned(keys.p256).replace("&", "&#38;"), keys.p256)


@accident(51, also={9})
def html_escaped_and_expired(keys: Keys) -> Explanation:
    return explained(html(canned(keys.p256)), keys.p256, now=END + 100)


@accident(51)
def only_an_own_parameter_html_escaped(keys: Keys) -> Explanation:
    sent = canned(keys.p256, f"{URL}?v=1&w=2").replace("&w", "&amp;w")
    return explained(sent, keys.p256)


@accident(51)
def signed_as_html(keys: Keys) -> Explanation:
    sent = canned(keys.p256, f"{URL}?v=1&amp;w=2").replace("&amp;w", "&w")
    return explained(sent, keys.p256)


@accident(51)
def issued_with_plain_ampersands_requested_as_html(keys: Keys) -> Explanation:
    issued = canned(keys.p256)
    return explained(html(issued), keys.p256, context=Context(issued_url=issued))
