"""Presigned URLs and uploads: signatures, lifetimes, bounds, and what is never told."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Never
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from botocore.credentials import Credentials, RefreshableCredentials
from botocore.exceptions import CredentialRetrievalError
from hypothesis import given
from hypothesis import strategies as st

from signer.errors import (
    CredentialError,
    InputError,
    PolicyError,
    SignerError,
    SigningError,
    UrlError,
)
from signer.s3 import S3Issuer
from signer.s3.client import Presigner
from tests.s3.signing import ACCESS_KEY_ID, BASE_URL, BUCKET, SECRET, TOKEN, client, issuer
from tests.s3.sigv4 import sent_signature, signature_of

ISSUER = issuer()
KEYS = st.text(st.characters(exclude_categories=["C", "Zl", "Zp"]), min_size=1, max_size=40)


def query_of(url: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(url).query, keep_blank_values=True, strict_parsing=True))


def changed(url: str, name: str, value: str) -> str:
    query = {**query_of(url), name: value}
    return urlsplit(url)._replace(query=urlencode(query)).geturl()


@given(KEYS)
def test_the_signature_is_what_s3_computes(key: str) -> None:
    try:
        url = ISSUER.signed_url(key, expires_in=60)
    except UrlError:
        return
    assert signature_of("GET", url, SECRET) == sent_signature(url)
    assert signature_of("HEAD", url, SECRET) != sent_signature(url)
    assert signature_of("GET", url, SECRET + "x") != sent_signature(url)


@given(KEYS, st.sampled_from(["image/png", "text/plain; charset=utf-8"]), st.integers(0, 1000))
def test_the_signature_of_an_upload_covers_type_length_and_overwriting(
    key: str, content_type: str, length: int
) -> None:
    try:
        upload = ISSUER.signed_upload(
            key, expires_in=60, content_type=content_type, content_length=length
        )
    except UrlError:
        return
    sent = sent_signature(upload.url)
    headers = dict(upload.headers)
    assert headers == {
        "content-type": content_type,
        "content-length": str(length),
        "if-none-match": "*",
    }
    assert signature_of("PUT", upload.url, SECRET, headers) == sent
    assert signature_of("GET", upload.url, SECRET, headers) != sent
    for name, other in (
        ("content-type", "text/html"),
        ("content-length", str(length + 1)),
        ("if-none-match", '"etag"'),
    ):
        assert signature_of("PUT", upload.url, SECRET, {**headers, name: other}) != sent


def test_every_part_of_the_query_is_signed() -> None:
    url = ISSUER.signed_url("a", expires_in=60, content_type="text/plain", download_as="a.txt")
    names = query_of(url).keys() - {"X-Amz-Signature"}
    assert names == {
        "X-Amz-Algorithm",
        "X-Amz-Credential",
        "X-Amz-Date",
        "X-Amz-Expires",
        "X-Amz-Security-Token",
        "X-Amz-SignedHeaders",
        "response-content-disposition",
        "response-content-type",
    }
    for name in names - {"X-Amz-Credential", "X-Amz-SignedHeaders"}:
        assert signature_of("GET", changed(url, name, "other"), SECRET) != sent_signature(url)
    assert signature_of("GET", f"{url}&x=1", SECRET) != sent_signature(url)


def test_it_is_what_botocore_makes_of_a_client_set_up_with_care() -> None:
    while True:  # both within one second
        before = int(time.time())
        ours = ISSUER.signed_url("a b/ü+%?#'\"", expires_in=60)
        theirs = client().generate_presigned_url(
            "get_object", Params={"Bucket": BUCKET, "Key": "media/a b/ü+%?#'\""}, ExpiresIn=60
        )
        if int(time.time()) == before:
            break
    assert ours == theirs


def test_a_key_and_its_url_give_the_same() -> None:
    by_key = ISSUER.signed_url("t/acme/über uns.pdf", expires_in=60)
    by_url = ISSUER.signed_url(f"{BASE_URL}/t/acme/%C3%BCber%20uns.pdf", expires_in=60)
    assert by_key.partition("?")[0] == by_url.partition("?")[0]
    assert by_key.startswith(
        "https://private-media.s3.eu-central-1.amazonaws.com/media/t/acme/%C3%BCber%20uns.pdf?"
    )


@pytest.mark.parametrize("life", [1, 60, timedelta(minutes=5), 43_200, timedelta(hours=12)])
def test_the_end_that_is_told_is_the_end_that_is_signed(life: timedelta | int) -> None:
    before = int(time.time())
    presigned = ISSUER.presigned("a", expires_in=life)
    after = int(time.time())
    seconds = int(life.total_seconds()) if isinstance(life, timedelta) else life
    query = query_of(presigned.url)
    date = datetime.strptime(query["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    assert query["X-Amz-Expires"] == str(seconds)
    assert presigned.expires_at == int(date.timestamp()) + seconds
    assert before + seconds <= presigned.expires_at <= after + seconds


@pytest.mark.parametrize(
    ("life", "code"),
    [
        (0, "time_past"),
        (-1, "time_past"),
        (timedelta(milliseconds=1), "time_past"),
        (43_201, "time_lifetime"),
        (timedelta(days=8), "time_lifetime"),
        (True, "time_type"),
        ("60", "time_type"),
        (60.5, "time_type"),
        (None, "time_type"),
    ],
)
def test_lifetimes_that_are_refused(life: timedelta | int, code: str) -> None:
    for attempt in (
        lambda: ISSUER.signed_url("a", expires_in=life),
        lambda: ISSUER.signed_upload(
            "a", expires_in=life, content_type="image/png", content_length=1
        ),
    ):
        with pytest.raises(PolicyError) as raised:
            attempt()
        assert raised.value.code == code


@pytest.mark.parametrize("most", [timedelta(0), timedelta(days=7, seconds=1), 3600, None])
def test_no_lifetime_is_longer_than_sigv4_allows(most: timedelta) -> None:
    with pytest.raises(InputError) as raised:
        issuer(max_lifetime=most)
    assert raised.value.code == "max_lifetime"
    week = issuer(max_lifetime=timedelta(days=7))
    assert query_of(week.signed_url("a", expires_in=604_800))["X-Amz-Expires"] == "604800"


def refreshable(ends_in: float) -> Presigner:
    """Return a client whose credentials end, and cannot be refreshed before."""

    def refresh() -> dict[str, str]:
        return {
            "access_key": ACCESS_KEY_ID,
            "secret_key": SECRET,
            "token": TOKEN,
            "expiry_time": datetime.fromtimestamp(time.time() + ends_in, UTC).isoformat(),
        }

    made = client()
    made._request_signer._credentials = RefreshableCredentials.create_from_metadata(
        refresh(), refresh, "assume-role"
    )
    presigner: Presigner = made
    return presigner


def test_a_url_ends_with_the_credentials_that_sign_it() -> None:
    made = issuer(client=refreshable(1800))
    presigned = made.presigned("a", expires_in=3600)
    assert 1790 < int(query_of(presigned.url)["X-Amz-Expires"]) <= 1800
    assert time.time() + 1790 < presigned.expires_at <= time.time() + 1800
    upload = made.signed_upload("a", expires_in=3600, content_type="image/png", content_length=1)
    assert upload.expires_at <= time.time() + 1800
    assert query_of(made.signed_url("a", expires_in=60))["X-Amz-Expires"] == "60"


def test_credentials_that_have_ended_sign_nothing() -> None:
    made = issuer(client=refreshable(1800), clock=lambda: time.time() + 1800)
    with pytest.raises(CredentialError) as raised:
        made.signed_url("a", expires_in=60)
    assert raised.value.code == "s3_credentials"


def test_credentials_that_cannot_be_refreshed_sign_nothing() -> None:
    with pytest.raises(SigningError) as raised:
        issuer(client=refreshable(-5)).signed_url("a", expires_in=60)
    assert raised.value.code == "s3_failed"


def test_no_credentials_sign_nothing() -> None:
    bare = client()
    bare._request_signer._credentials = None
    with pytest.raises(CredentialError) as raised:
        issuer(client=bare).signed_url("a", expires_in=60)
    assert raised.value.code == "s3_credentials"


@pytest.mark.parametrize(
    ("content_type", "length", "code"),
    [
        ("image/gif", 1, "content_type"),
        ("IMAGE/PNG", 1, "content_type"),
        ("image/png; charset=x", 1, "content_type"),
        ("", 1, "content_type"),
        (None, 1, "content_type"),
        ("image/png", 1001, "content_length"),
        ("image/png", -1, "content_length"),
        ("image/png", True, "content_length"),
        ("image/png", "5", "content_length"),
        ("image/png", None, "content_length"),
    ],
)
def test_uploads_outside_the_bounds(content_type: str, length: int, code: str) -> None:
    with pytest.raises(InputError) as raised:
        ISSUER.signed_upload("a", expires_in=60, content_type=content_type, content_length=length)
    assert raised.value.code == code


def test_uploads_are_off_unless_they_are_bounded() -> None:
    with pytest.raises(InputError) as raised:
        S3Issuer(BUCKET, client=client()).signed_upload(
            "a", expires_in=60, content_type="image/png", content_length=1
        )
    assert raised.value.code == "s3_uploads"


def test_overwriting_is_permitted_by_name_only() -> None:
    upload = ISSUER.signed_upload(
        "a", expires_in=60, content_type="image/png", content_length=1, overwrite=True
    )
    assert "if-none-match" not in upload.headers
    assert query_of(upload.url)["X-Amz-SignedHeaders"] == "content-length;content-type;host"


def test_nothing_shows_credentials_or_urls() -> None:
    presigned = ISSUER.presigned("a", expires_in=60)
    upload = ISSUER.signed_upload("a", expires_in=60, content_type="image/png", content_length=1)
    for shown in (repr(ISSUER), str(ISSUER), repr(presigned), repr(upload)):
        for secret in (ACCESS_KEY_ID, SECRET, TOKEN, "Signature", "X-Amz"):
            assert secret not in shown
    assert repr(ISSUER) == "S3Issuer('private-media', prefix='media/')"


class Marked(Credentials):
    """Credentials whose provider fails, and says too much."""

    def get_frozen_credentials(self) -> Never:
        raise CredentialRetrievalError(provider="custom-process", error_msg=f"printed {SECRET}")


def test_no_error_shows_what_a_provider_of_credentials_said() -> None:
    failing = client()
    failing._request_signer._credentials = Marked(ACCESS_KEY_ID, SECRET, TOKEN)
    with pytest.raises(SignerError) as raised:
        issuer(client=failing).signed_url("a", expires_in=60)
    assert raised.value.code == "s3_failed"
    assert raised.value.__context__ is None
    assert raised.value.__cause__ is None
    assert SECRET not in str(raised.value) + repr(raised.value.evidence)
