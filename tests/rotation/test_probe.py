from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from signer import Issuer, PrivateKey, TrustedKeyGroup, Verifier, ViewerRequest
from signer.errors import InputError, RemoteError, RotationError
from signer.https import Answer
from signer.rotation import probe as probing
from signer.rotation.probe import Finding, Send, probe, send_get

URL = "https://media.example.com/private/probe"
NOW = 1_800_000_000
KEY = PrivateKey.generate()
OTHER = PrivateKey.generate()


def issuer(key: PrivateKey = KEY, key_pair_id: str = "K2JCJMDEHXQW5F") -> Issuer:
    return Issuer(key, key_pair_id=key_pair_id, clock=lambda: NOW)


def edge(origin: Answer) -> Send:
    """Answer as a behavior does that trusts one key."""
    group = TrustedKeyGroup({"K2JCJMDEHXQW5F": KEY.public_key()})

    def send(url: str) -> Answer:
        verdict = Verifier([group], clock=lambda: NOW).verify(ViewerRequest(url))
        if verdict.allowed:
            return origin
        return Answer(verdict.status, {"server": "CloudFront"}, verdict.xml_body().encode())

    return send


def test_a_key_that_may_not_sign_for_long_is_probed_too() -> None:
    short = Issuer(
        KEY, key_pair_id="K2JCJMDEHXQW5F", clock=lambda: NOW, max_lifetime=timedelta(seconds=30)
    )
    assert probe(URL, short, send=edge(MISSING)) is Finding.ACCEPTED


MISSING = Answer(403, {"server": "AmazonS3", "x-amz-request-id": "1"}, b"<Code>AccessDenied</Code>")


@pytest.mark.parametrize(
    "origin",
    [Answer(206, {}, b"x"), Answer(404, {"server": "nginx"}, b""), MISSING, Answer(502, {}, b"")],
)
def test_whatever_the_origin_answers_the_key_is_known(origin: Answer) -> None:
    assert probe(URL, issuer(), send=edge(origin)) is Finding.ACCEPTED


def test_a_key_that_the_edge_does_not_know() -> None:
    unknown = issuer(key_pair_id="K36X4X2EO997HM")
    assert probe(URL, unknown, send=edge(MISSING)) is Finding.UNKNOWN_KEY


def test_a_key_that_is_not_the_one_with_its_id() -> None:
    assert probe(URL, issuer(OTHER), send=edge(MISSING)) is Finding.REFUSED


def test_each_probe_asks_for_another_url() -> None:
    asked: list[str] = []

    def send(url: str) -> Answer:
        asked.append(url)
        return edge(MISSING)(url)

    for _ in range(2):
        probe(URL + "?a=b", issuer(), send=send)
    assert len({url.partition("&Expires=")[0] for url in asked}) == 2
    assert all(url.startswith(URL + "?a=b&signer-probe=") for url in asked)


def always(answer: Answer) -> Send:
    return lambda _: answer


def xml(code: str) -> Answer:
    return Answer(403, {"server": "CloudFront"}, f"<Error><Code>{code}</Code></Error>".encode())


@pytest.mark.parametrize(
    ("send", "code"),
    [
        (always(MISSING), "probe_unprotected"),
        (always(Answer(200, {}, b"")), "probe_unprotected"),
        (always(xml("MissingKey")), "probe_credentials"),
        (always(Answer(403, {"server": "CloudFront"}, b"<html>blocked</html>")), "probe_blocked"),
    ],
)
def test_what_says_nothing_of_the_key_is_told(send: Send, code: str) -> None:
    with pytest.raises(RotationError) as caught:
        probe(URL, issuer(), send=send)
    assert caught.value.code == code
    assert "Signature" not in str(caught.value)


def test_only_the_first_byte_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[object, ...]] = []

    def request(method: str, url: str, **more: object) -> Answer:
        asked.append((method, url, more["headers"]))
        return MISSING

    monkeypatch.setattr(probing, "request", request)
    assert send_get(URL) is MISSING
    assert asked == [("GET", URL, {"Range": "bytes=0-0"})]


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (RemoteError("remote_too_large", "x"), None),
        (RemoteError("remote_timeout", "x"), RemoteError),
        (InputError("remote_url", "x"), InputError),
    ],
)
def test_a_large_answer_is_no_refusal(
    monkeypatch: pytest.MonkeyPatch, error: Exception, expected: type[Exception] | None
) -> None:
    def request(*_: object, **__: object) -> Answer:
        raise error

    monkeypatch.setattr(probing, "request", request)
    send: Callable[[], Answer] = lambda: send_get(URL)  # noqa: E731 - it is tried twice
    if expected is None:
        assert send().status == 200
    else:
        with pytest.raises(expected):
            send()
