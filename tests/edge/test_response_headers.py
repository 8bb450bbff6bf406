"""Response headers policies: what viewers get of the origin's headers, and what is added."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from signer import PrivateKey
from signer.edge import (
    AddedHeader,
    Behavior,
    Cors,
    Distribution,
    EdgeApp,
    HttpOrigin,
    ResponseHeadersPolicy,
)
from signer.edge.cloudfront_headers import response_headers_of
from signer.edge.responses import Headers
from signer.edge.viewer import Arrival
from signer.errors import ConfigurationError
from tests.edge.serving import ask, group_of, upstream
from tests.edge.told_cloudfront import Client, items, read

APP = "https://app.example.com"
CORS = Cors(
    allow_origins=(APP,),
    allow_methods=("GET", "HEAD"),
    allow_headers=("Range",),
    expose_headers=("ETag", "Content-Range"),
    allow_credentials=True,
    max_age=600,
    origin_override=True,
)
PREFLIGHT = [(b"access-control-request-method", b"GET")]


def applied(
    policy: ResponseHeadersPolicy,
    headers: Headers | None = None,
    *,
    origin: str | None = None,
    method: str = "GET",
    more: Headers | None = None,
    url: str = "https://cdn.example.com",
) -> dict[str, str]:
    scheme, _, host = url.partition("://")
    sent = [*(more or []), *([(b"origin", origin.encode())] if origin else [])]
    arrival = Arrival(
        method=method, scheme=scheme, hosts=(host,), path="/", query="", headers=sent, peer=None
    )
    answer = policy.applied(headers or [], arrival)
    names = [name for name, _ in answer]
    assert len(set(names)) == len(names)
    return {name.decode(): value.decode("latin-1") for name, value in answer}


# --- Headers that are added and removed. --------------------------------------------------------


@pytest.mark.parametrize(("override", "seen"), [(True, "policy"), (False, "origin")])
def test_each_header_says_whether_it_takes_the_origins_place(*, override: bool, seen: str) -> None:
    header = AddedHeader(name="X-Who", value="policy", override=override)
    policy = ResponseHeadersPolicy(headers=(header,))
    assert applied(policy, [(b"x-who", b"origin")]) == {"x-who": seen}
    assert applied(policy, []) == {"x-who": "policy"}


def test_a_header_takes_the_place_of_all_of_its_name() -> None:
    header = AddedHeader(name="x-who", value="policy", override=True)
    twice = [(b"x-who", b"1"), (b"etag", b"2"), (b"x-who", b"3")]
    assert applied(ResponseHeadersPolicy(headers=(header,)), twice) == {
        "etag": "2",
        "x-who": "policy",
    }


def test_what_is_removed_goes_before_anything_is_added() -> None:
    header = AddedHeader(name="vary", value="policy")
    policy = ResponseHeadersPolicy(remove=("Vary", "X-Powered-By"), headers=(header,))
    origin = [(b"vary", b"origin"), (b"x-powered-by", b"x"), (b"etag", b"e")]
    assert applied(policy, origin) == {"etag": "e", "vary": "policy"}


def test_a_server_that_is_removed_is_cloudfront() -> None:
    policy = ResponseHeadersPolicy(remove=("server",))
    assert applied(policy, [(b"server", b"AmazonS3")]) == {"server": "CloudFront"}


@pytest.mark.parametrize(
    ("url", "sent"),
    [
        ("https://cdn.example.com", True),
        ("http://localhost:8080", True),
        ("https://localhost:8443", False),
        ("https://cdn.localhost", False),
        ("https://127.0.0.1:8443", False),
        ("https://[::1]:8443", False),
        ("https://localhost.example.com", True),
    ],
)
def test_this_machines_own_names_are_never_pinned_to_tls(url: str, *, sent: bool) -> None:
    header = AddedHeader(name="Strict-Transport-Security", value="max-age=1", override=True)
    answer = applied(ResponseHeadersPolicy(headers=(header,)), url=url)
    assert ("strict-transport-security" in answer) is sent


# --- CORS. --------------------------------------------------------------------------------------


def test_a_request_of_another_site_is_told_what_it_may_read() -> None:
    policy = ResponseHeadersPolicy(cors=CORS)
    assert applied(policy, origin=APP) == {
        "access-control-allow-origin": APP,
        "access-control-allow-credentials": "true",
        "access-control-expose-headers": "ETag, Content-Range",
    }
    assert applied(policy) == {}


def test_a_preflight_request_is_told_what_it_may_send() -> None:
    policy = ResponseHeadersPolicy(cors=CORS)
    assert applied(policy, origin=APP, method="OPTIONS", more=PREFLIGHT) == {
        "access-control-allow-origin": APP,
        "access-control-allow-credentials": "true",
        "access-control-allow-methods": "GET, HEAD",
        "access-control-allow-headers": "Range",
        "access-control-max-age": "600",
    }
    # An OPTIONS request of a script is none, nor is a GET that says so.
    for method, more in (("OPTIONS", []), ("GET", PREFLIGHT)):
        answer = applied(policy, origin=APP, method=method, more=more)
        assert "access-control-allow-methods" not in answer


def test_all_stands_for_every_method_and_nothing_for_no_header() -> None:
    policy = ResponseHeadersPolicy(cors=Cors(allow_origins=("*",), allow_methods=("ALL",)))
    assert applied(policy, origin=APP, method="OPTIONS", more=PREFLIGHT) == {
        "access-control-allow-origin": "*",
        "access-control-allow-methods": "GET, HEAD, OPTIONS, PUT, POST, PATCH, DELETE",
    }


ORIGIN_SAYS = [(b"access-control-allow-origin", b"*"), (b"x-other", b"1")]


@pytest.mark.parametrize(("override", "seen"), [(True, APP), (False, "*")])
def test_the_origins_own_cors_headers(*, override: bool, seen: str) -> None:
    cors = Cors(allow_origins=(APP,), origin_override=override)
    policy = ResponseHeadersPolicy(cors=cors)
    assert applied(policy, ORIGIN_SAYS, origin=APP)["access-control-allow-origin"] == seen
    other = applied(policy, ORIGIN_SAYS, origin="https://evil.example")
    assert other.get("access-control-allow-origin") == (None if override else "*")
    assert other["x-other"] == "1"


def test_two_origins_are_none() -> None:
    twice = [(b"origin", b"https://evil.example")]
    assert applied(ResponseHeadersPolicy(cors=CORS), origin=APP, more=twice) == {}


@pytest.mark.parametrize(
    ("allowed", "fits", "does_not"),
    [
        (
            "https://example.org",
            ["https://example.org"],
            [
                "http://example.org",
                "https://example.org:8443",
                "https://a.example.org",
                "https://example.org.evil.example",
                "null",
                "",
            ],
        ),
        (
            "example.org",
            ["http://example.org", "https://example.org"],
            ["http://example.org:80", "ftp://example.org", "example.org"],
        ),
        (
            "https://*.example.org",
            ["https://a.example.org", "https://a.b.example.org"],
            [
                "https://example.org",
                "https://evilexample.org",
                "http://a.example.org",
                "https://*.example.org",
                "https://evil.example/.example.org",
                "https://x@a.example.org",
            ],
        ),
        ("http://localhost:*", ["http://localhost:3000"], ["http://localhost"]),
        ("http://localhost:3000", ["http://localhost:3000"], ["http://localhost:300"]),
        ("http://[::1]:3000", ["http://[::1]:3000"], ["http://[::1]"]),
    ],
)
def test_which_origins_are_allowed(allowed: str, fits: list[str], does_not: list[str]) -> None:
    policy = ResponseHeadersPolicy(cors=Cors(allow_origins=(allowed,)))
    for origin in fits:
        assert applied(policy, origin=origin) == {"access-control-allow-origin": origin}
    for origin in does_not:
        assert applied(policy, origin=origin) == {}


@given(st.text(st.characters(codec="latin-1", exclude_characters="\r\n"), max_size=60))
def test_no_origin_is_allowed_by_its_spelling(text: str) -> None:
    """Whatever an Origin looks like: it is allowed when it is the one that was named."""
    cors = Cors(allow_origins=(APP, "https://*.example.org"))
    for origin in (text, f"{APP}{text}", f"https://{text}.example.org", f"{text}{APP}"):
        told = dict(cors.headers_for(origin, preflight=False))
        host = origin.removeprefix("https://")
        below = host.lower().endswith(".example.org") and set(host) <= ALPHABET
        allowed = origin.lower() == APP or below
        assert not told or (allowed and told["access-control-allow-origin"] == origin)


ALPHABET = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-")

# --- At the edge. -------------------------------------------------------------------------------


async def site(scope: Scope, receive: Receive, send: Send) -> None:
    status = 404 if scope["path"] == "/missing" else 200
    await PlainTextResponse("x", status, {"x-powered-by": "x"})(scope, receive, send)


def test_the_origins_answers_get_them_and_refusals_do_not(p256_key: PrivateKey) -> None:
    policy = ResponseHeadersPolicy(
        remove=("x-powered-by",), cors=CORS, headers=(AddedHeader(name="X-Ours", value="1"),)
    )
    with upstream(site) as url:
        app = EdgeApp(
            Distribution(
                origins={"site": HttpOrigin(url)},
                key_groups={"viewers": group_of(p256_key)},
                default_behavior=Behavior(
                    origin="site", trusted_key_groups=("viewers",), response_headers=policy
                ),
                behaviors=(
                    Behavior(origin="site", path_pattern="/open/*", response_headers=policy),
                    Behavior(origin="site", path_pattern="/missing", response_headers=policy),
                    Behavior(origin="site", path_pattern="/bare"),
                ),
            )
        )
        origin = [(b"origin", APP.encode())]
        answers = [ask(app, path, headers=origin) for path in ("/open/a", "/missing")]
        refused, bare = (ask(app, path, headers=origin) for path in ("/private", "/bare"))
        method = ask(app, "/open/a", method="DELETE", headers=origin)
    assert [answer.status for answer in answers] == [200, 404]
    for answer in answers:
        assert answer.header("x-ours") == "1"
        assert answer.header("access-control-allow-origin") == APP
        assert answer.header("x-powered-by") is None
    assert bare.header("x-powered-by") == "x"
    for answer, status in ((refused, 403), (method, 403), (bare, 200)):
        assert answer.status == status
        assert answer.header("access-control-allow-origin") is None
        assert answer.header("x-ours") is None


# --- What CloudFront's API tells. ---------------------------------------------------------------

SECURITY: dict[str, Any] = {
    "XSSProtection": {"Override": False, "Protection": True, "ModeBlock": True},
    "FrameOptions": {"Override": True, "FrameOption": "SAMEORIGIN"},
    "ReferrerPolicy": {"Override": False, "ReferrerPolicy": "no-referrer"},
    "ContentSecurityPolicy": {"Override": True, "ContentSecurityPolicy": "default-src 'self'"},
    "ContentTypeOptions": {"Override": True},
    "StrictTransportSecurity": {
        "Override": False,
        "IncludeSubdomains": True,
        "Preload": True,
        "AccessControlMaxAgeSec": 31536000,
    },
}


def test_security_headers_are_spelled_out() -> None:
    policy = response_headers_of({"SecurityHeadersConfig": SECURITY})
    assert {one.name: (one.value, one.override) for one in policy.headers} == {
        "x-xss-protection": ("1; mode=block", False),
        "x-frame-options": ("SAMEORIGIN", True),
        "referrer-policy": ("no-referrer", False),
        "content-security-policy": ("default-src 'self'", True),
        "x-content-type-options": ("nosniff", True),
        "strict-transport-security": ("max-age=31536000; includeSubDomains; preload", False),
    }


@pytest.mark.parametrize(
    ("told", "value"),
    [
        ({"Protection": False, "ModeBlock": True}, "0"),
        ({"Protection": True}, "1"),
        ({"Protection": True, "ReportUri": "https://r.example"}, "1; report=https://r.example"),
    ],
)
def test_xss_protection(told: dict[str, Any], value: str) -> None:
    config = {"SecurityHeadersConfig": {"XSSProtection": {"Override": False, **told}}}
    assert response_headers_of(config).headers[0].value == value


def test_flags_may_be_words_as_in_templates() -> None:
    hsts = {**SECURITY["StrictTransportSecurity"], "Override": "true", "Preload": "false"}
    (header,) = response_headers_of(
        {"SecurityHeadersConfig": {"StrictTransportSecurity": hsts}}
    ).headers
    assert (header.value, header.override) == ("max-age=31536000; includeSubDomains", True)


def test_a_policy_is_read_once_for_all_behaviors(p256_key: PrivateKey) -> None:
    client = Client(p256_key)
    client.headers = {
        "RemoveHeadersConfig": items({"Header": "Server"}),
        "CorsConfig": {
            "AccessControlAllowOrigins": items(APP),
            "AccessControlAllowMethods": items("GET", "HEAD"),
            "AccessControlAllowHeaders": items("Range"),
            "AccessControlExposeHeaders": items("ETag", "Content-Range"),
            "AccessControlAllowCredentials": True,
            "AccessControlMaxAgeSec": 600,
            "OriginOverride": True,
        },
        "CustomHeadersConfig": items({"Header": "X-Empty", "Override": True}),
        "ServerTimingHeadersConfig": {"Enabled": True, "SamplingRate": 100.0},
    }
    client.config["DefaultCacheBehavior"]["ResponseHeadersPolicyId"] = "policy-1"
    client.config["CacheBehaviors"]["Items"][0]["ResponseHeadersPolicyId"] = "policy-1"
    site = read(client)
    assert site.default_behavior.response_headers == ResponseHeadersPolicy(
        remove=("server",), cors=CORS, headers=(AddedHeader(name="X-Empty", override=True),)
    )
    assert site.behaviors[0].response_headers is site.default_behavior.response_headers
    assert client.calls.count(("GetResponseHeadersPolicy", "policy-1")) == 1


# --- Mistakes. ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "settings", "field"),
    [
        (AddedHeader, {"name": "a b"}, "name"),
        (AddedHeader, {"name": ""}, "name"),
        (AddedHeader, {"name": "Content-Length", "value": "0"}, "name"),
        (AddedHeader, {"name": "x", "value": "a\r\nset-cookie: b"}, "value"),
        (AddedHeader, {"name": "x", "value": "\u20ac"}, "value"),
        (Cors, {"allow_origins": ()}, "allow_origins"),
        (Cors, {"allow_origins": ("https://a*.example.com",)}, "allow_origins[0]"),
        (Cors, {"allow_origins": ("*", "https://a.example/")}, "allow_origins[1]"),
        (Cors, {"allow_origins": ("*",), "allow_methods": ("get",)}, "allow_methods[0]"),
        (Cors, {"allow_origins": ("*",), "allow_headers": ("a\n",)}, "allow_headers"),
        (Cors, {"allow_origins": ("*",), "max_age": -1}, "max_age"),
        (ResponseHeadersPolicy, {"remove": ("content-length",)}, "remove[0]"),
        (ResponseHeadersPolicy, {"remove": ("x-amz-cf-id",)}, "remove[0]"),
        (ResponseHeadersPolicy, {"remove": ("a:b",)}, "remove"),
        (
            ResponseHeadersPolicy,
            {"headers": (AddedHeader(name="x"), AddedHeader(name="X"))},
            "headers[1].name",
        ),
    ],
)
def test_mistakes_are_named(kind: type, settings: dict[str, Any], field: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        kind(**settings)
    assert caught.value.evidence["field"] == field
