from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from signer.cookies import COOKIE_NAMES, CookieAttributes, SignedCookies
from signer.encoding import decode_base64
from signer.errors import InputError
from signer.issuer import Issuer
from signer.keys import PrivateKey
from signer.policy import Policy
from signer.verifier import TrustedKeyGroup, Verifier
from signer.viewer_request import ViewerRequest
from signer.wire import object_key_path
from tests.hostile_arguments import COOKIE_ATTRIBUTES, DATES, IP_RANGES, KEY_PAIR_IDS
from tests.hostile_corpus import BREAKOUTS, BROAD_RESOURCES, HOST, ORIGINS, URL_WILDCARDS
from tests.recording_key import RecordingKey

URL = f"{HOST}/films/a.mp4"
FOLDER = f"{HOST}/films/*"
KEY_ID = "K2JCJMDEHXQW5F"
NOW = 1_800_000_000

Attempt = Callable[[Issuer], object]
Odd = tuple[str, str]


def url_attempts(url: str) -> list[tuple[str, Attempt]]:
    """Every way in which a URL can be signed."""
    return [
        ("canned url", lambda issuer: issuer.signed_url(url, expires_in=60)),
        (
            "custom url",
            lambda issuer: issuer.signed_url(url, expires_in=60, ip_address="192.0.2.1"),
        ),
        ("covered url", lambda issuer: issuer.signed_url(url, expires_in=60, resource=FOLDER)),
        ("presigned", lambda issuer: issuer.generate_presigned_url(url, policy=_document(FOLDER))),
    ]


def resource_attempts(resource: str) -> list[tuple[str, Attempt]]:
    """Every way in which a Resource can be signed."""
    return [
        ("cookies", lambda issuer: issuer.signed_cookies(resource, expires_in=60)),
        ("resource", lambda issuer: issuer.signed_url(URL, expires_in=60, resource=resource)),
        ("policy", lambda issuer: issuer.sign(Policy(resource, date_less_than=NOW + 60))),
        ("document", lambda issuer: issuer.generate_presigned_url(URL, policy=_document(resource))),
    ]


def _document(resource: str) -> str:
    condition = {"DateLessThan": {"AWS:EpochTime": NOW + 60}}
    return json.dumps({"Statement": [{"Resource": resource, "Condition": condition}]})


def condition_attempts(**arguments: Any) -> list[tuple[str, Attempt]]:  # noqa: ANN401 - hostile
    """Every way in which dates and ranges can be signed."""
    return [
        ("url", lambda issuer: issuer.signed_url(URL, **arguments)),
        ("cookies", lambda issuer: issuer.signed_cookies(FOLDER, **arguments)),
    ]


def attribute_attempt(attributes: dict[str, Any]) -> Attempt:
    return lambda issuer: issuer.signed_cookies(
        FOLDER, expires_in=60, attributes=CookieAttributes(**attributes)
    )


def key_pair_id_attempt(key_pair_id: Any) -> Attempt:  # noqa: ANN401 - hostile
    def attempt(issuer: Issuer) -> object:
        return Issuer(issuer._key, key_pair_id=key_pair_id, clock=lambda: NOW).signed_url(
            URL, expires_in=60
        )

    return attempt


def attempts() -> list[tuple[str, Attempt]]:
    urls = [f"{HOST}/films/{part}" for part in (*BREAKOUTS, *URL_WILDCARDS)]
    urls += [f"{origin}/films/a.mp4" for origin in ORIGINS]
    resources = [f"{HOST}/films/{part}{star}" for part in BREAKOUTS for star in ("", "/*")]
    resources += [f"{origin}/films/*" for origin in ORIGINS if origin]
    resources += BROAD_RESOURCES
    # Wildcards of cookies match across host and query, which the viewer chooses.
    loose = (f"{HOST}/films/*.mp4", "https://*.example.com/films/*", f"{HOST}/films/*/x?y=*")
    made = [(f"cookies {item}", resource_attempts(item)[0][1]) for item in loose]
    made += [(f"{way} {url}", attempt) for url in urls for way, attempt in url_attempts(url)]
    for resource in resources:
        ways = resource_attempts(resource)
        made += [(f"{way} {resource}", attempt) for way, attempt in ways]
    for ip_address in IP_RANGES:
        ways = condition_attempts(expires_in=60, ip_address=ip_address)
        made += [(f"ip {way} {ip_address!r}", attempt) for way, attempt in ways]
    for dates in DATES:
        made += [
            (f"dates {way} {list(dates)}", attempt) for way, attempt in condition_attempts(**dates)
        ]
    made += [(f"id {item!r}", key_pair_id_attempt(item)) for item in KEY_PAIR_IDS]
    made += [(f"cookie {item!r}", attribute_attempt(item)) for item in COOKIE_ATTRIBUTES]
    return made


ATTEMPTS = attempts()


@pytest.fixture
def key(p256_key: PrivateKey) -> RecordingKey:
    return RecordingKey(p256_key)


@pytest.fixture
def issuer(key: RecordingKey) -> Issuer:
    return Issuer(key, key_pair_id=KEY_ID, clock=lambda: NOW)


def test_the_corpus_is_large() -> None:
    inputs = (BREAKOUTS, ORIGINS, URL_WILDCARDS, BROAD_RESOURCES, IP_RANGES, KEY_PAIR_IDS, DATES)
    assert sum(map(len, inputs)) + len(COOKIE_ATTRIBUTES) >= 200
    assert len(ATTEMPTS) >= 1000


@pytest.mark.parametrize(
    ("name", "attempt"),
    ATTEMPTS,
    ids=[f"{n}-{ascii(name)[:50]}" for n, (name, _) in enumerate(ATTEMPTS)],
)
def test_hostile_input_is_refused_before_anything_is_signed(
    issuer: Issuer, key: RecordingKey, name: str, attempt: Attempt
) -> None:
    with pytest.raises(InputError) as caught:
        attempt(issuer)
    assert key.calls == [], name
    assert caught.value.code.replace("_", "").isalnum()
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 400


# What looks dangerous and is not: the left becomes the right, and nothing else changes.
ODD_URLS: tuple[Odd, ...] = (
    ("a b", "a%20b"),
    ("a%20b", "a%20b"),
    ("a+b", "a+b"),
    ("a&b=c;d", "a&b=c;d"),
    ("a'b", "a'b"),
    ("a,b$c!(d)@e:f~g", "a,b$c!(d)@e:f~g"),
    ("{Statement}[0]|^`<x>", "%7BStatement%7D%5B0%5D%7C%5E%60%3Cx%3E"),
    ("\u00e9\u4f8b\U0001f600", "%C3%A9%E4%BE%8B%F0%9F%98%80"),
    ("\uff0e\uff0e\uff0fa", "%EF%BC%8E%EF%BC%8E%EF%BC%8Fa"),
    ("\u202etxt.exe", "%E2%80%AEtxt.exe"),
    ("a\u200bb\u00adc", "a%E2%80%8Bb%C2%ADc"),
    ("%22,%22Resource%22:%22%2A", "%22,%22Resource%22:%22%2A"),
    ("%0d%0aSet-Cookie:x=y", "%0D%0ASet-Cookie:x=y"),
    ("%00", "%00"),
    ("%252e%252e/x", "%252e%252e/x"),
    ("%23%3F%2A", "%23%3F%2A"),
    ("...", "..."),
    ("..a/.b/c..", "..a/.b/c.."),
    ("a//b///c", "a//b///c"),
    ("Policy=x/Signature=y&Key-Pair-Id=K", "Policy=x/Signature=y&Key-Pair-Id=K"),
    ("a?policy=x&EXPIRES=1&xSignature=2", "a?policy=x&EXPIRES=1&xSignature=2"),
    ("a?x=Policy&y=Expires=1", "a?x=Policy&y=Expires=1"),
    ("a?x=*&y=?", "a?x=%2A&y=%3F"),
    ("a?x='1'&y=\"".rstrip('"'), "a?x=%271%27&y="),
    ("a?", "a"),
    ("a??", "a?%3F"),
    ("a?&&", "a?&&"),
    ("a?next=https://evil.example/../x", "a?next=https://evil.example/../x"),
    ("a?x={}[]|^`<>", "a?x=%7B%7D%5B%5D%7C%5E%60%3C%3E"),
    ("a?x=%26Policy=1", "a?x=%26Policy=1"),
    ("a;Policy=x", "a;Policy=x"),
    (object_key_path('*?"\\#%&+ \u00e9.mp4')[1:], "%2A%3F%22%5C%23%25%26%2B%20%C3%A9.mp4"),
)


@pytest.mark.parametrize(("part", "wire"), ODD_URLS, ids=ascii)
def test_odd_urls_are_signed_as_exactly_what_they_are(
    issuer: Issuer, key: RecordingKey, part: str, wire: str
) -> None:
    signed = issuer.signed_url(f"{HOST}/films/{part}", expires_in=60)
    expected = f"{HOST}/films/{wire}"
    condition = {"DateLessThan": {"AWS:EpochTime": NOW + 60}}
    statement = {"Resource": expected, "Condition": condition}
    assert json.loads(key.calls[0][0]) == {"Statement": [statement]}
    head, _, tail = signed.rpartition("Expires=")
    assert head.rstrip("&?") == expected.rstrip("&?")
    assert [item.partition("=")[0] for item in f"Expires={tail}".split("&")] == [
        "Expires",
        "Signature",
        "Key-Pair-Id",
        "Hash-Algorithm",
    ]
    group = TrustedKeyGroup({KEY_ID: key._key.public_key()})
    assert Verifier([group]).verify(ViewerRequest(signed), now=NOW).allowed


# Only what a Resource keeps in another way than a URL does.
ODD_RESOURCES: tuple[Odd, ...] = (
    *((part, wire) for part, wire in ODD_URLS if "?" not in part and "%" not in part),
    ("*", "*"),
    ("a*b?c=*", "a*b?c=*"),
    ("%0d%0a*", "%0D%0A*"),
    ("%c3%a9/%2a*", "%C3%A9/%2A*"),
    ("a b/*", "a%20b/*"),
    ("{x}/*", "%7Bx%7D/*"),
)


@pytest.mark.parametrize(("part", "wire"), ODD_RESOURCES, ids=ascii)
@pytest.mark.parametrize("ip_address", [None, "192.0.2.0/24"])
def test_odd_resources_are_signed_as_exactly_what_they_are(
    issuer: Issuer, key: RecordingKey, part: str, wire: str, ip_address: str | None
) -> None:
    cookies = issuer.signed_cookies(
        f"{HOST}/films/{part}",
        expires_in=60,
        ip_address=ip_address,
        attributes=CookieAttributes(path="/films/"),
        allow_entire_distribution=True,
    )
    condition: dict[str, object] = {"DateLessThan": {"AWS:EpochTime": NOW + 60}}
    if ip_address:
        condition["IpAddress"] = {"AWS:SourceIp": ip_address}
    statement = {"Resource": f"{HOST}/films/{wire}", "Condition": condition}
    text = key.calls[0][0]
    assert json.loads(text) == {"Statement": [statement]}
    if "CloudFront-Policy" in cookies:
        assert decode_base64(cookies["CloudFront-Policy"]) == text
    assert_lines(cookies, "/films/", None)


def assert_lines(cookies: SignedCookies, path: str, domain: str | None) -> None:
    """Check the header lines attribute by attribute, against what was asked for."""
    lines = cookies.set_cookie_headers()
    assert sorted(line.partition("=")[0] for line in lines) == sorted(COOKIE_NAMES)
    for line in lines:
        assert line.isascii()
        assert line.isprintable()
        pair, *attributes = line.split("; ")
        name, _, value = pair.partition("=")
        assert value == cookies.get(name, "")
        expected = [f"Path={path}"]
        expected += [f"Domain={domain}"] if domain else []
        if name not in cookies:
            expected += ["Max-Age=0", "Expires=Thu, 01 Jan 1970 00:00:00 GMT"]
        assert attributes == [*expected, "Secure", "HttpOnly", "SameSite=Lax"]


@pytest.mark.parametrize(
    ("path", "domain"),
    [
        ("/", None),
        ("/films/", "example.com"),
        ("/a,b=c&d'e(f)!$+:@~", "cdn.example.com"),
        ("/%3B%20Domain=evil.example", None),
        ("/a//b/../c", "EXAMPLE.com"),
    ],
)
def test_odd_cookie_attributes_stay_in_their_place(
    issuer: Issuer, path: str, domain: str | None
) -> None:
    attributes = CookieAttributes(path=path, domain=domain)
    cookies = issuer.signed_cookies(FOLDER, expires_in=60, attributes=attributes)
    assert_lines(cookies, path, domain.lower() if domain else None)


def test_a_users_file_name_opens_one_file(issuer: Issuer, key: RecordingKey) -> None:
    group = TrustedKeyGroup({KEY_ID: key._key.public_key()})
    verify = partial(Verifier([group]).verify, now=NOW)
    for name in ("*", "?", "a*", "*.mp4", "%2A", "a?x=*", 'a"b', "a\\b", "a#b"):
        path = object_key_path(f"films/{name}")
        cookies = issuer.signed_cookies(
            HOST + path, expires_in=60, attributes=CookieAttributes(path="/")
        )
        assert verify(ViewerRequest(HOST + path, cookies)).allowed
        for other in ("/films/other", "/films/", "/films/x", "/films/a.mp4", path + "x"):
            assert not verify(ViewerRequest(HOST + other, cookies)).allowed
