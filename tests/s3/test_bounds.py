"""What may be signed: keys below a prefix, URLs that name them, names of downloads."""

from __future__ import annotations

from email.message import Message
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signer.errors import ConfigurationError, InputError, SignerError, UrlError
from signer.s3 import S3Issuer
from signer.s3.bounds import attachment, checked_bucket, checked_key
from signer.wire import object_key_path
from tests.s3.signing import BASE_URL, BUCKET, issuer

ISSUER = issuer()
AWKWARD = st.text(st.sampled_from("aZ09/.%+?#*&= '\"\\~-_éü漢😀\u0301"), min_size=1, max_size=60)


@pytest.mark.parametrize(
    "name",
    ["abc", "my.media-bucket.example", "0-9", "a" * 63, "docs-ab12cd34ef56gh78ij90-s3alias"],
)
def test_names_of_buckets(name: str) -> None:
    assert checked_bucket(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        "ab",
        "a" * 64,
        "A-Bucket",
        "a..b",
        ".ab",
        "ab-",
        "a_b",
        "a/b",
        "192.168.0.1",
        "a.-",
        None,
        "arn:aws:s3:::media",
        "s3://media",
        "https://media.example.com",
        "media\n",
        "a b c",
    ],
)
def test_what_is_no_name_of_a_bucket(name: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        S3Issuer(name)
    assert raised.value.code == "s3_bucket"


@pytest.mark.parametrize(
    "key",
    [
        "../secret",
        "a/../../secret",
        "a/..",
        "..",
        ".",
        "./a",
        "a/./b",
        "..\\secret",
        "/a",
        "a//b",
        "//a",
        "a/",
        "/",
        "",
        "a\x00b",
        "a\nb",
        "a\r\nb",
        "\x7f",
        "a\ud800",
        "a\u2028b",
        None,
        7,
        b"a",
    ],
)
def test_a_key_that_could_leave_the_prefix_is_refused(key: str) -> None:
    for prefix in ("", "media/"):
        with pytest.raises(UrlError):
            issuer(prefix=prefix).signed_url(key, expires_in=60)
        with pytest.raises(UrlError):
            issuer(prefix=prefix).signed_upload(
                key, expires_in=60, content_type="image/png", content_length=1
            )


@given(AWKWARD)
def test_every_key_stays_below_the_prefix(key: str) -> None:
    try:
        url = ISSUER.signed_url(key, expires_in=60)
    except UrlError:
        assert key.startswith("/") or key.endswith("/") or "//" in key or "." in key
        return
    path = urlsplit(url).path
    assert unquote(path) == f"/media/{key}"
    assert path == "/media" + object_key_path(key)
    assert not {"..", ".", ""} & set(unquote(path)[1:].split("/"))


@given(AWKWARD)
def test_a_url_names_the_key_that_cloudfront_would_fetch(key: str) -> None:
    try:
        whole = ISSUER.key_of(key)
    except UrlError:
        return
    assert ISSUER.key_of(BASE_URL + object_key_path(key)) == whole


@given(st.text(st.sampled_from("aé/.%2Ff5Cc+?#:@\\ "), max_size=40))
def test_no_url_leaves_the_prefix(tail: str) -> None:
    try:
        key = ISSUER.key_of(f"{BASE_URL}/{tail}")
    except UrlError:
        return
    assert key.startswith("media/")
    assert not {"..", ".", ""} & set(key.split("/"))


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("https://media.example.com.evil.example/a", "url_foreign"),
        ("https://media.example.com@evil.example/a", "url_user_info"),
        ("https://media.example.com:444/a", "url_foreign"),
        ("http://media.example.com/a", "url_foreign"),
        ("https://evil.example/a", "url_foreign"),
        ("https://media.example.com/a?versionId=1", "url_query"),
        ("https://media.example.com/a#b", "url_fragment"),
        ("https://media.example.com/a+b", "url_plus"),
        ("https://media.example.com/a%2Fb", "url_encoding"),
        ("https://media.example.com/a%2fb", "url_encoding"),
        ("https://media.example.com/%FF", "url_encoding"),
        ("https://media.example.com/a/%2e%2e/b", "url_dot_segment"),
        ("https://media.example.com/a/../b", "url_dot_segment"),
        ("https://media.example.com//a", "object_key_segment"),
        ("https://media.example.com/", "object_key_empty"),
        ("https://media.example.com/a%0Ab", "url_control"),
        ("https://media.example.com/*", "url_wildcard"),
        ("https://media.example.com/a?Signature=x", "url_reserved_parameter"),
    ],
)
def test_a_url_that_names_no_object_beyond_doubt_is_refused(url: str, code: str) -> None:
    with pytest.raises(UrlError) as raised:
        ISSUER.signed_url(url, expires_in=60)
    assert raised.value.code == code


def test_a_base_address_may_have_a_path_and_other_spellings() -> None:
    made = issuer(base_url="HTTPS://Media.Example.com:443/films/", prefix="")
    assert made.key_of("https://media.example.com/films/a%20b") == "a b"
    assert made.key_of("https://MEDIA.example.com/films/a b") == "a b"
    with pytest.raises(UrlError):
        made.key_of("https://media.example.com/other/a")
    with pytest.raises(UrlError):
        issuer(base_url="https://media.example.com/?a=b")


def test_without_a_base_address_a_url_is_no_key() -> None:
    with pytest.raises(UrlError) as raised:
        issuer(base_url=None).signed_url(f"{BASE_URL}/a", expires_in=60)
    assert raised.value.code == "object_key_segment"


@pytest.mark.parametrize(
    ("given", "kept"), [("", ""), ("a", "a/"), ("a/", "a/"), ("a/b c", "a/b c/")]
)
def test_prefixes_end_with_a_slash(given: str, kept: str) -> None:
    assert issuer(prefix=given).prefix == kept
    assert issuer(prefix=given).key_of("x") == f"{kept}x"


@pytest.mark.parametrize("prefix", ["/", "/a", "a//", "..", "a/../b", "a/./", "\n"])
def test_prefixes_that_are_refused(prefix: str) -> None:
    with pytest.raises(SignerError) as raised:
        issuer(prefix=prefix)
    assert raised.value.code == "s3_prefix"


def test_a_key_has_at_most_1024_bytes_with_its_prefix() -> None:
    assert checked_key("é" * 512)
    assert ISSUER.key_of("a" * 1018)
    for key in ("a" * 1019, "é" * 510):
        with pytest.raises(UrlError) as raised:
            ISSUER.key_of(key)
        assert raised.value.code == "object_key_too_long"


@given(st.text(min_size=1, max_size=80))
def test_names_of_downloads_are_read_back_by_a_parser_of_headers(name: str) -> None:
    try:
        value = attachment(name)
    except InputError:
        return
    assert value.isascii()
    assert value.isprintable()
    message = Message()
    message["Content-Disposition"] = value
    assert message.get_content_disposition() == "attachment"
    assert message.get_filename() == name


@pytest.mark.parametrize(
    "name", ["", ".", "..", "a/b", "a\\b", "a\r\nb", " ", "a ", "\x00", "\ud800", "a" * 256, 7]
)
def test_names_that_are_not_of_one_file(name: str) -> None:
    with pytest.raises(InputError) as raised:
        ISSUER.signed_url("k", expires_in=60, download_as=name)
    assert raised.value.code == "download_as"


@pytest.mark.parametrize(
    "value", ["", "image", "image/*", "a/b\r\nx: y", "a/b; c", "/", "a b/c", None]
)
def test_what_is_no_content_type(value: str) -> None:
    if value is not None:
        with pytest.raises(InputError) as raised:
            ISSUER.signed_url("k", expires_in=60, content_type=value)
        assert raised.value.code == "content_type"
    with pytest.raises(ConfigurationError) as refused:
        issuer(content_types=[value])
    assert refused.value.code == "s3_uploads"


@pytest.mark.parametrize(
    ("length", "types"),
    [
        (1, []),
        (0, ["image/png"]),
        (-1, ["image/png"]),
        (5 * 1024**3 + 1, ["image/png"]),
        (True, ["image/png"]),
        (1.5, ["image/png"]),
        ("9", ["image/png"]),
    ],
)
def test_bounds_of_uploads_that_make_no_sense(length: int, types: list[str]) -> None:
    with pytest.raises(ConfigurationError) as raised:
        S3Issuer(BUCKET, max_content_length=length, content_types=types)
    assert raised.value.code == "s3_uploads"
