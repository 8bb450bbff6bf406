from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from signer.errors import ResourceError, UrlError
from signer.resource import (
    is_entire_distribution,
    is_exact,
    match_cookie_resource,
    match_url_resource,
    wire_resource,
)
from signer.wire import RESERVED_PARAMETERS, wire_url

HOST = "https://cdn.example.com"

NORMALISED = {
    "*": "*",
    f"{HOST}/films/*": f"{HOST}/films/*",
    f"{HOST}/films/a?.mp4": f"{HOST}/films/a?.mp4",
    f"{HOST}/a.mp4?size=*&x=?": f"{HOST}/a.mp4?size=*&x=?",
    "*://cdn.example.com/films/*": "*://cdn.example.com/films/*",
    "http*://cdn.example.com/films/*": "http*://cdn.example.com/films/*",
    "https://*.example.com/films/*": "https://*.example.com/films/*",
    "https://cdn-*.Example.com/films/*": "https://cdn-*.example.com/films/*",
    "https://CDN-*.*.example.com/films/*": "https://cdn-*.*.example.com/films/*",
    "https://*.b\u00fccher.example/a*": "https://*.xn--bcher-kva.example/a*",
    "https://*.example.com:443/a*": "https://*.example.com/a*",
    "https://*.example.com:8443/a*": "https://*.example.com:8443/a*",
    "*cdn.example.com/films/*": "*://*cdn.example.com/films/*",
    "*example.com": "*://*example.com/",
    "https://cdn.example.com*": "https://cdn.example.com*",
    "HTTPS://CDN.Example.COM/Films/*": f"{HOST}/Films/*",
    f"{HOST}/{'*a' * 64}": f"{HOST}/{'*a' * 64}",
    HOST: f"{HOST}/",
    f"{HOST}?a=*": f"{HOST}/?a=*",
    f"{HOST}/a?": f"{HOST}/a",
    f"{HOST}:443/films/*": f"{HOST}/films/*",
    f"{HOST}/my films/\u00e9*": f"{HOST}/my%20films/%C3%A9*",
    f"{HOST}/a?q='b'|*": f"{HOST}/a?q=%27b%27%7C*",
    f"{HOST}/a%2fb%C3%a9%7E*?x=%2a%41*": f"{HOST}/a%2Fb%C3%A9~*?x=%2AA*",
}

REFUSED: dict[str, list[object]] = {
    "resource_type": [None, 1, b"*", ["*"]],
    "resource_protocol": [
        "",
        "films/*",
        "/films/*",
        "cdn.example.com/films/*",
        "//cdn.example.com/*",
        "ftp://cdn.example.com/*",
        "h*://cdn.example.com/*",
        "https*://cdn.example.com/*",
        "*s://cdn.example.com/*",
        "**://cdn.example.com/*",
        "rtmp/*",
        "?://cdn.example.com/*",
    ],
    "resource_wildcards": [f"{HOST}/{'*a' * 65}", f"{HOST}/{'*a' * 60}?{'?' * 5}"],
    "resource_host": [
        "https://*cdn_$.example.com/a",
        "https://*.exa mple*.com/a",
        "https://[::*]/a",
        f"https://*{'a' * 63}.example.com/a",
        "https://\u00fc*.example.com/a",
        "https://%2a*.example.com/a",
    ],
    "url_host": ["https://*..example.com/a", "https://*.-x.example.com/a", "https://127.1/a*"],
    "url_no_host": ["https:///films/*", "*:///films/*", "https://?a=*"],
    "url_port": [f"{HOST}:*/films/*", f"{HOST}:0/films/*", "https://*:99999/a"],
    "url_user_info": ["https://*@cdn.example.com/*", "https://a:b@cdn.example.com/*"],
    "url_control": [f"{HOST}/films/*\n", f"{HOST}/\x00*", f"{HOST}/a\u2028*", "\t*"],
    "url_surrogate": [f"{HOST}/\ud800*"],
    "url_space": [" *", f"{HOST}/films/* "],
    "url_quote": [f'{HOST}/films/*","Resource":"*'],
    "url_backslash": [f"{HOST}/films\\*", f"{HOST}/films/*\\?a=1"],
    "url_fragment": [f"{HOST}/films/*#top"],
    "url_percent": [f"{HOST}/films/%*", f"{HOST}/films/%2*", f"{HOST}/a?b=%*"],
    "url_dot_segment": [f"{HOST}/films/../*", f"{HOST}/films/%2e%2E/*", f"{HOST}/./*"],
    "resource_reserved_parameter": [
        *(f"{HOST}/a?{name}=*" for name in RESERVED_PARAMETERS),
        *(f"{HOST}/a?x=1&{name}" for name in RESERVED_PARAMETERS),
        f"{HOST}/a?%45xpires=*",
        f"{HOST}/a?x=1&Key%2DPair%2dId=K",
    ],
}


@pytest.mark.parametrize(("resource", "wire"), NORMALISED.items(), ids=ascii)
def test_a_resource_is_put_into_the_form_that_is_compared(resource: str, wire: str) -> None:
    assert wire_resource(resource) == wire
    assert wire_resource(wire) == wire


@pytest.mark.parametrize(
    ("resource", "code"),
    [(resource, code) for code, resources in REFUSED.items() for resource in resources],
    ids=lambda value: ascii(value)[:60],
)
def test_a_hazardous_resource_is_refused(resource: object, code: str) -> None:
    with pytest.raises(ResourceError) as caught:
        wire_resource(resource)  # type: ignore[arg-type]  # hostile
    assert caught.value.code == code


@given(tail=st.text("aA0/.%2eE\u00e9 '?&=+-_~:@,;|", max_size=25))
@example(tail="a'b?'c")
def test_a_url_in_wire_form_is_a_resource_in_wire_form(tail: str) -> None:
    # Otherwise a canned URL and canned cookies for one object would sign two texts.
    try:
        wire = wire_url(f"{HOST}/{tail}")
    except UrlError:
        return
    assert wire_resource(wire) == wire
    assert is_exact(wire)
    assert not is_entire_distribution(wire)
    assert match_url_resource(wire, wire).matched
    assert match_cookie_resource(wire, wire).matched


@pytest.mark.parametrize(
    ("resource", "exact"),
    [
        (f"{HOST}/a.mp4", True),
        ("http://cdn.example.com/a.mp4?x=1", True),
        (f"{HOST}/a*", False),
        (f"{HOST}/a?x=?", False),
        (f"{HOST}/a\\?x=1", False),
        ("*://cdn.example.com/a.mp4", False),
        ("http*://cdn.example.com/a.mp4", False),
        ("*", False),
    ],
)
def test_exact_is_what_names_one_url(resource: str, exact: bool) -> None:
    assert is_exact(resource) is exact


@pytest.mark.parametrize(
    ("resource", "entire"),
    [
        ("*", True),
        (f"{HOST}/*", True),
        (f"{HOST}*", True),
        (f"{HOST}//*", True),
        (f"{HOST}/*/*", True),
        (f"{HOST}/**", True),
        ("*://cdn.example.com/*", True),
        ("https://*/films/*", True),
        ("https://*com/films/a.mp4", True),
        ("https://*.com/films/a.mp4", True),
        ("https://cdn.*/films/a.mp4", True),
        ("https://cdn.example.*/films/a.mp4", True),
        ("https://cdn.example.com*/films/a.mp4", True),
        ("*example.com/films/*", True),
        ("https://*.cloudfront.net/films/*", True),
        ("https://*.cloudfront.net:8443/films/*", True),
        ("https://d1*.cloudfront.net/films/*", True),
        ("https://*.s3.amazonaws.com/films/*", True),
        ("https://*.s3.amazonaws.com:8443/films/*", True),
        ("no protocol", True),
        (f"{HOST}/", False),
        (f"{HOST}/a*", False),
        (f"{HOST}/films/*", False),
        (f"{HOST}/*.mp4", False),
        (f"{HOST}/?*", False),
        ("https://*.example.com/films/*", False),
        ("https://*.example.com:8443/films/*", False),
        ("https://d111111abcdef8.cloudfront.net/films/*", False),
    ],
)
def test_too_broad_is_a_whole_site_or_hosts_not_named(resource: str, entire: bool) -> None:
    assert is_entire_distribution(resource) is entire
