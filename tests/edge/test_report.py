"""What the inspector's reports keep to themselves, and that no request takes the list down."""

from __future__ import annotations

import json

import httpx
import pytest

from signer import PrivateKey
from signer.edge import EdgeServer
from signer.edge.exchange import Exchange
from signer.encoding import encode_base64
from tests.edge.serving import KEY_PAIR_ID, issuer_of
from tests.edge.test_inspector import HOUR, edge, inspect, last

__all__ = ["edge"]  # the fixture


def test_credentials_are_never_shown_whole(edge: EdgeServer, p256_key: PrivateKey) -> None:
    issuer = issuer_of(p256_key)
    url = issuer.signed_url(f"{edge.url}/a.txt", expires_in=HOUR)
    cookies = issuer.signed_cookies(f"{edge.url}/x/*", expires_in=HOUR)
    httpx.get(
        url,
        headers={
            "cookie": f"session=qrstuvwxyz0123; {cookies.header()}",
            "authorization": "Bearer hidden-token",
        },
    )
    httpx.get(f"{edge.url}/callback?token=abcdefghijklmnop&X-Amz-Signature=0123456789abcdef")
    text = inspect(edge).text
    signature = url.partition("Signature=")[2].partition("&")[0]
    for secret in (
        signature,
        cookies["CloudFront-Signature"],
        "abcdefghijklmnop",
        "0123456789abcdef",
        "qrstuvwxyz0123",
        "hidden-token",
    ):
        assert secret not in text


def test_credentials_in_urls_and_headers_are_cut_everywhere(
    edge: EdgeServer, p256_key: PrivateKey
) -> None:
    issuer = issuer_of(p256_key)
    own = f"{edge.url}/a.txt?v=1&token=abcdefghijklmnop"
    url = issuer.signed_url(own, expires_in=HOUR)
    cookies = issuer.signed_cookies(own, expires_in=HOUR)
    other = issuer.signed_url(own, expires_in=HOUR, resource=own + "*")
    names = ("X-Api-Key", "X-Auth", "X-Client-Secret", "X-CSRF-Token", "Cookie2")
    httpx.get(
        url,
        headers={"referer": url, **{name: f"hidden-{name.lower()}" for name in names}},
    )
    httpx.get(own, headers={"cookie": cookies.header()})
    httpx.get(f"{edge.url}/a.txt?v=1&tok%65n=abcdefghijklmnop")
    httpx.get(other.replace("v=1", "v=2"))
    text = inspect(edge).text
    signature = url.partition("Signature=")[2].partition("&")[0]
    for secret in (signature, "abcdefghijklmnop", *(f"hidden-{name.lower()}" for name in names)):
        assert secret not in text
    seen = inspect(edge).json()
    assert {"name": "x-api-key", "value": "hidden-x…"} in seen[0]["headers"]
    (referer,) = [header for header in seen[0]["headers"] if header["name"] == "referer"]
    assert referer["value"].startswith(f"{edge.url}/a.txt?v=1&token=abcdefgh…&Expires=")
    assert seen[1]["decision"]["policy"]["resource"] == f"{edge.url}/a.txt?v=1&token=abcdefgh…"
    # What is left of the policy is still a policy.
    assert json.loads(seen[1]["decision"]["policy"]["text"])["Statement"]


@pytest.mark.parametrize("own", ["", "?v=1&w=2"])
def test_a_url_escaped_for_html_is_recognised_and_cut(
    edge: EdgeServer, p256_key: PrivateKey, own: str
) -> None:
    url = issuer_of(p256_key).signed_url(f"{edge.url}/a.txt{own}", expires_in=HOUR)
    assert httpx.get(url.replace("&", "&amp;")).status_code == 403
    assert "escaped for HTML" in last(edge)["hints"][0]
    signature = url.partition("Signature=")[2].partition("&")[0]
    assert signature[8:24] not in inspect(edge).text


def policy_request(edge: EdgeServer, policy: str) -> None:
    query = f"Key-Pair-Id={KEY_PAIR_ID}&Signature=AAAA&Policy={encode_base64(policy.encode())}"
    httpx.get(f"{edge.url}/a.txt?{query}")


@pytest.mark.parametrize("end", ["5", "1" + "0" * 400, "1" + "0" * 5000])
@pytest.mark.parametrize("resource", ["x", r"\ud800", r"http://x/\udfff?token=\ud800"])
def test_no_policy_takes_the_list_down(edge: EdgeServer, resource: str, end: str) -> None:
    condition = '"Condition":{"DateLessThan":{"AWS:EpochTime":' + end + "}}"
    policy_request(edge, '{"Statement":[{"Resource":"' + resource + '",' + condition + "}]}")
    httpx.get(f"{edge.url}/ordinary")
    answer = inspect(edge)
    assert answer.status_code == 200
    assert answer.text.isascii()
    assert [seen["path"] for seen in answer.json()] == ["/a.txt", "/ordinary"]


def test_a_request_that_cannot_be_described_has_a_placeholder(
    edge: EdgeServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    httpx.get(f"{edge.url}/first")
    httpx.get(f"{edge.url}/second")
    members = set(last(edge))

    def hints_of(exchange: Exchange) -> list[str]:
        if exchange.arrival.path == "/first":
            raise OverflowError
        return []

    monkeypatch.setattr("signer.edge.report.hints", hints_of)
    first, second = inspect(edge).json()
    assert set(first) == members
    assert "OverflowError" in first["failure"]
    assert second["decision"] is not None
    assert "cannot be described" in caplog.text
