from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from signer.errors import UrlError
from signer.wire import MAX_URL_BYTES, RESERVED_PARAMETERS, object_key_path, wire_url

HOST = "https://cdn.example.com"

# Left: what a caller may write. Right: what clients send and what is therefore signed.
NORMALISED = {
    # kept byte for byte
    f"{HOST}/": f"{HOST}/",
    f"{HOST}/films/a.mp4": f"{HOST}/films/a.mp4",
    f"{HOST}/a/b=c,d;e:f@g$h&i+j!k(l)m~n_o-p'q": f"{HOST}/a/b=c,d;e:f@g$h&i+j!k(l)m~n_o-p'q",
    f"{HOST}//double//slash//": f"{HOST}//double//slash//",
    f"{HOST}/.hidden/...": f"{HOST}/.hidden/...",
    f"{HOST}/a?q=a+b": f"{HOST}/a?q=a+b",
    f"{HOST}/a?a=1&": f"{HOST}/a?a=1&",
    f"{HOST}/a?&&flag&b=2": f"{HOST}/a?&&flag&b=2",
    f"{HOST}/a?b=1&a=2&b=1": f"{HOST}/a?b=1&a=2&b=1",
    f"{HOST}/a%2Fb%25%C3%A9?x=%20%2B": f"{HOST}/a%2Fb%25%C3%A9?x=%20%2B",
    f"{HOST}/a?u=https://x.example/../y": f"{HOST}/a?u=https://x.example/../y",
    f"{HOST}/a?expires=1&policy=2&key-pair-id=3": f"{HOST}/a?expires=1&policy=2&key-pair-id=3",
    f"{HOST}/a?XExpires=1&Expiress=2&my_Policy=3": f"{HOST}/a?XExpires=1&Expiress=2&my_Policy=3",
    f"{HOST}/Expires=1/Signature": f"{HOST}/Expires=1/Signature",
    "http://cdn.example.com/a": "http://cdn.example.com/a",
    "https://localhost/a": "https://localhost/a",
    "https://my_bucket.example.com/a": "https://my_bucket.example.com/a",
    f"{HOST}:8443/a": f"{HOST}:8443/a",
    "https://192.0.2.7/a": "https://192.0.2.7/a",
    "https://xn--bcher-kva.example/a": "https://xn--bcher-kva.example/a",
    # encoded, because every client would
    "HTTPS://CDN.Example.COM/A": f"{HOST}/A",
    HOST: f"{HOST}/",
    f"{HOST}?a=1": f"{HOST}/?a=1",
    f"{HOST}/a?": f"{HOST}/a",
    f"{HOST}:443/a": f"{HOST}/a",
    f"{HOST}:/a": f"{HOST}/a",
    f"{HOST}:0443/a": f"{HOST}/a",
    f"{HOST}:08443/a": f"{HOST}:8443/a",
    "http://cdn.example.com:80/a": "http://cdn.example.com/a",
    "http://cdn.example.com:443/a": "http://cdn.example.com:443/a",
    f"{HOST}/a%2fb%c3%A9?x=%2b%7E%41": f"{HOST}/a%2Fb%C3%A9?x=%2B~A",
    f"{HOST}/my file.jpg?q=a b": f"{HOST}/my%20file.jpg?q=a%20b",
    f"{HOST}/caf\u00e9/\U0001f600?q=\u00e9": f"{HOST}/caf%C3%A9/%F0%9F%98%80?q=%C3%A9",
    f"{HOST}/a{{b}}<c>`d|e^f[g]": f"{HOST}/a%7Bb%7D%3Cc%3E%60d%7Ce%5Ef%5Bg%5D",
    f"{HOST}/a?x={{b}}<c>`d|e^f[g]": f"{HOST}/a?x=%7Bb%7D%3Cc%3E%60d%7Ce%5Ef%5Bg%5D",
    f"{HOST}/a?q='b'": f"{HOST}/a?q=%27b%27",
    f"{HOST}/a?b?c": f"{HOST}/a?b%3Fc",
    f"{HOST}/a?b=*": f"{HOST}/a?b=%2A",
    "https://b\u00fccher.example/a": "https://xn--bcher-kva.example/a",
    "https://B\u00dcCHER.example/a": "https://xn--bcher-kva.example/a",
    "https://bu\u0308cher.example/a": "https://xn--bcher-kva.example/a",
    "https://\u4f8b\u3048.example/a": "https://xn--r8jz45g.example/a",
    "https://[2001:DB8:0:0::1]/a": "https://[2001:db8::1]/a",
    "https://[2001:db8::1]:8443/a": "https://[2001:db8::1]:8443/a",
    "https://[2001:db8::1]:443/a": "https://[2001:db8::1]/a",
}

REFUSED: dict[str, list[object]] = {
    "url_type": [None, 1, b"https://cdn.example.com/a", ["https://cdn.example.com/a"]],
    "url_not_absolute": [
        "",
        "/a",
        "a",
        "//cdn.example.com/a",
        "cdn.example.com/a",
        "https:/cdn.example.com/a",
        "https:cdn.example.com/a",
        "1https://cdn.example.com/a",
        "javascript:alert(1)",
        "data:text/plain,a",
    ],
    "url_scheme": [
        "ftp://cdn.example.com/a",
        "s3://bucket/key",
        "file:///etc/passwd",
        "ws://cdn.example.com/",
        "httpss://cdn.example.com/",
        "ht-tps://cdn.example.com/",
    ],
    "url_control": [
        f"{HOST}/a\x00b",
        f"{HOST}/a\r\nSet-Cookie: x=y",
        f"{HOST}/a\tb",
        f"{HOST}/a\x7fb",
        f"{HOST}/a\x85b",
        f"{HOST}/a\u2028b",
        f"{HOST}/a\u2029b",
        "ht\ttps://cdn.example.com/a",
        "https://cdn.exam\nple.com/a",
        "\n",
    ],
    "url_surrogate": [f"{HOST}/\ud800", "https://\udfff.example/"],
    "url_space": [f" {HOST}/a", f"{HOST}/a ", f"\u3000{HOST}/a", f"{HOST}/a\u00a0", " "],
    "url_quote": [f'{HOST}/a"b', f'{HOST}/a?x","Resource":"*'],
    "url_backslash": [f"{HOST}\\a", f"{HOST}/a\\..\\b", f"{HOST}/a?b\\c", "https:\\\\h\\a"],
    "url_fragment": [f"{HOST}/a#b", f"{HOST}/a?x=1#", "https://cdn.example.com#@evil.example/"],
    "url_user_info": [
        "https://user@cdn.example.com/a",
        "https://user:secret@cdn.example.com/a",
        "https://cdn.example.com@evil.example/a",
        "https://@cdn.example.com/a",
        "https://cdn.example.com:443@evil.example/a",
    ],
    "url_no_host": ["https:///a", "https://", "https://:443/a", "https://?a=1"],
    "url_port": [
        f"{HOST}:65536/a",
        f"{HOST}:-1/a",
        f"{HOST}:abc/a",
        f"{HOST}:44\u0663/a",
        f"{HOST}:\u0664\u0664\u0663/a",
        f"{HOST}:000000443/a",
        f"{HOST}: 443/a",
        f"{HOST}:4 43/a",
        f"{HOST}:*/a",
        "https://[::1]x:443x/a",
    ],
    "url_host": [
        "https://cdn..example.com/a",
        "https://cdn.example.com./a",
        "https://.example.com/a",
        "https://-cdn.example.com/a",
        "https://cdn-.example.com/a",
        "https://cdn*.example.com/a",
        "https://cdn%2eexample.com/a",
        "https://cdn example.com/a",
        "https://cdn,example.com/a",
        "https://cdn.example.com:443:443/a",
        f"https://{'a' * 64}.example.com/a",
        f"https://{'a.' * 127}com/a",
        "https://" + "\u00fc" * 60 + ".example/a",
        "https://0x7f.1/a",
        "https://127.1/a",
        "https://2130706433/a",
        "https://017700000001/a",
        "https://127.0.0.01/a",
        "https://127.0.0.256/a",
        "https://1.2.3.4.5/a",
        "https://1.2.3.0x/a",
        "https://example.0x7f/a",
        "https://[::1/a",
        "https://[]/a",
        "https://[::1%25eth0]/a",
        "https://[::1%eth0]/a",
        "https://[::ffff:192.0.2.1]/a",
        "https://[v1.fe80::a]/a",
        "https://xn--/a",
        "https://xn--cdn-.example/a",
        "https://xn--99999999999.example/a",
        "https://fa\u00df.example/a",
        "https://a\u200db.example/a",
        "https://\u05d0.example/a",
        "https://\uff45xample.com/a",
        "https://cdn\u3002example.com/a",
        "https://cdn\uff0fexample.com/a",
        "https://a\u0301\u4f8b-.example/a",
        "https://-\u00fc.example/a",
        "https://ab--\u00fc.example/a",
        "https://\u3164a.example/a",
        "https://\u2460.example/a",
        "https://\U0001f600.example/a",
        "https://\u00fc_a.example/a",
    ],
    "url_percent": [f"{HOST}/a%", f"{HOST}/a%2", f"{HOST}/a%zz", f"{HOST}/a?b=%g0", f"{HOST}/100%"],
    "url_dot_segment": [
        f"{HOST}/./a",
        f"{HOST}/a/../b",
        f"{HOST}/a/..",
        f"{HOST}/a/.",
        f"{HOST}/a/%2e%2e/b",
        f"{HOST}/a/%2E./b",
        f"{HOST}/a/.%2e/b",
        f"{HOST}/%2e/b",
        f"{HOST}/a%2f..%2fb",
        f"{HOST}/a%2F%2e%2e/b",
        f"{HOST}/a%5c..%5cb",
        f"{HOST}/a/..%5Cb",
    ],
    "url_wildcard": [f"{HOST}/*", f"{HOST}/a*b", f"{HOST}/films/*.mp4?a=1"],
    "url_reserved_parameter": [
        *(f"{HOST}/a?{name}=1" for name in RESERVED_PARAMETERS),
        *(f"{HOST}/a?x=1&{name}" for name in RESERVED_PARAMETERS),
        f"{HOST}/a?%45xpires=1",
        f"{HOST}/a?Key%2DPair%2dId=K",
        f"{HOST}/a?x&%50%6f%6C%69%63%79",
        f"{HOST}/a?Expires=1&Signature=x&Key-Pair-Id=K",
    ],
    "url_too_long": [
        f"{HOST}/{'a' * MAX_URL_BYTES}",
        f"{HOST}/{' ' * 3000}a",
        HOST + "/" + "\u00e9" * 1400,
    ],
}


@pytest.mark.parametrize(("given_url", "wire"), NORMALISED.items(), ids=ascii)
def test_what_is_unambiguous_is_put_into_wire_form(given_url: str, wire: str) -> None:
    assert wire_url(given_url) == wire
    assert wire_url(wire) == wire


@pytest.mark.parametrize(
    ("url", "code"),
    [(url, code) for code, urls in REFUSED.items() for url in urls],
    ids=lambda value: ascii(value)[:60],
)
def test_what_is_hazardous_is_refused(url: object, code: str) -> None:
    with pytest.raises(UrlError) as caught:
        wire_url(url)  # type: ignore[arg-type]  # hostile
    assert caught.value.code == code


def test_a_url_may_have_exactly_8192_bytes() -> None:
    longest = f"{HOST}/".ljust(MAX_URL_BYTES, "a")
    assert wire_url(longest) == longest
    with pytest.raises(UrlError) as caught:
        wire_url(longest + "a")
    assert caught.value.code == "url_too_long"
    assert caught.value.evidence["length"] == MAX_URL_BYTES + 1


def test_length_counts_after_encoding() -> None:
    with pytest.raises(UrlError) as caught:
        wire_url(f"{HOST}/{' ' * 4000}a")
    assert caught.value.code == "url_too_long"
    assert caught.value.evidence["length"] == len(HOST) + 1 + 3 * 4000 + 1


@pytest.mark.parametrize("url", [url for url, wire in NORMALISED.items() if url == wire], ids=ascii)
def test_strict_takes_what_is_in_wire_form(url: str) -> None:
    assert wire_url(url, strict=True) == url


@pytest.mark.parametrize(
    ("url", "wire"), [i for i in NORMALISED.items() if i[0] != i[1]], ids=ascii
)
def test_strict_refuses_the_rest_and_shows_the_wire_form(url: str, wire: str) -> None:
    with pytest.raises(UrlError) as caught:
        wire_url(url, strict=True)
    assert caught.value.code == "url_not_wire_form"
    assert caught.value.evidence["wire"] == wire
    assert wire in str(caught.value)


def test_a_refusal_names_the_reserved_parameters() -> None:
    with pytest.raises(UrlError) as caught:
        wire_url(f"{HOST}/a?Signature=1&x=2&Expires=3")
    assert caught.value.evidence["parameters"] == ("Expires", "Signature")


def test_the_longest_host_is_accepted() -> None:
    host = ".".join(["a" * 63, "b" * 63, "c" * 63, "d" * 61])
    assert len(host) == 253
    assert wire_url(f"https://{host}/") == f"https://{host}/"
    with pytest.raises(UrlError) as caught:
        wire_url(f"https://{host}e/")
    assert caught.value.code == "url_host"


HOSTILE_TEXT = st.text(
    st.one_of(
        st.sampled_from("/.%2eE5cC?&=#@:*\\'\"[] \t\r\n\x00"),
        st.characters(max_codepoint=0x2030),
    ),
    max_size=30,
)


@given(tail=HOSTILE_TEXT)
@example(tail="?*'?")
@example(tail="a/%2E%2e/")
def test_any_text_is_refused_or_becomes_a_safe_fixed_point(tail: str) -> None:
    try:
        wire = wire_url(f"{HOST}/{tail}")
    except UrlError:
        return
    assert wire == wire_url(wire, strict=True)
    assert wire.isascii()
    assert wire.isprintable()
    assert not set(wire) & set(' "<>\\^`{|}#*[]')
    assert wire.count("?") <= 1
    assert wire.startswith(f"{HOST}/")
    assert len(wire) <= MAX_URL_BYTES


@given(text=st.text())
def test_no_text_raises_anything_but_our_error(text: str) -> None:
    code = "url_"
    try:
        wire_url(text)
    except UrlError as error:
        code = error.code
    assert code.startswith("url_")


@pytest.mark.parametrize(
    ("key", "path"),
    [
        ("films/a.mp4", "/films/a.mp4"),
        ("films/a b.mp4", "/films/a%20b.mp4"),
        ("a b&c.mp4", "/a%20b%26c.mp4"),
        ("what?*.txt", "/what%3F%2A.txt"),
        ("100%/+/~_-.x", "/100%25/%2B/~_-.x"),
        ("/leading", "//leading"),
        ("\u00e9", "/%C3%A9"),
        ("a\"b\\c'd#e", "/a%22b%5Cc%27d%23e"),
        ("%2e%2e/a", "/%252e%252e/a"),
    ],
)
def test_an_object_key_becomes_a_path_in_which_nothing_is_special(key: str, path: str) -> None:
    assert object_key_path(key) == path
    assert wire_url(HOST + path) == HOST + path


@pytest.mark.parametrize(
    ("key", "code"),
    [
        ("", "object_key_empty"),
        (None, "object_key_empty"),
        (b"films/a", "object_key_empty"),
        ("a\nb", "url_control"),
        ("a\x00", "url_control"),
        ("\ud800", "url_surrogate"),
        ("..", "url_dot_segment"),
        ("a/../b", "url_dot_segment"),
        ("a/./b", "url_dot_segment"),
        ("a\\..\\b", "url_dot_segment"),
    ],
)
def test_an_object_key_that_clients_would_change_is_refused(key: object, code: str) -> None:
    with pytest.raises(UrlError) as caught:
        object_key_path(key)  # type: ignore[arg-type]  # hostile
    assert caught.value.code == code


@given(key=st.text(min_size=1, max_size=40))
def test_every_accepted_object_key_stays_one_literal_path(key: str) -> None:
    try:
        path = object_key_path(key)
    except UrlError:
        return
    assert wire_url(HOST + path, strict=True) == HOST + path
    assert not set(path) & set("*?&+'")
