"""What the fuzzer does with bytes: a request with one part replaced, decided beside the oracle."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

from signer.encoding import decode_base64, encode_base64
from signer.errors import PolicyError, UrlError
from signer.policy import decode_policy
from signer.viewer_request import ViewerRequest
from signer.wire import wire_url
from tests.genuine import pool
from tests.judge import Attempt, Judge
from tests.tampering import draft
from tests.tampering_values import encode

_POOL = pool()
_JUDGE = Judge(_POOL.credentials)
_VERIFIER = _POOL.verifier()
_NAMES = ("Expires", "Policy", "Signature", "Key-Pair-Id", "Hash-Algorithm", "expires", "")
_HEADER = 3


def one_input(data: bytes) -> None:
    """Raise when a request is decided wrongly, or when anything but our own errors comes out.

    The first byte selects what is replaced, the second a genuine credential, the third a place.
    """
    if len(data) < _HEADER:
        return
    body = data[_HEADER:]
    attempt = _attempt(data[0], data[1], data[2], body)
    finding = _JUDGE.finding(attempt)
    request = ViewerRequest(attempt.url, attempt.cookies, attempt.ip)
    verdict = _VERIFIER.verify(request, now=attempt.now)
    # The bytes may happen to be another spelling of what was issued, as canned text in a Policy.
    if verdict.allowed != (finding != "forged") and not _is_same_grant(attempt, body):
        raise AssertionError((attempt, finding, verdict.reason))
    _parse(body)


def _attempt(kind: int, which: int, place: int, body: bytes) -> Attempt:
    one = _POOL.credentials[which % len(_POOL.credentials)]
    text = body.decode("utf-8", "surrogateescape")
    pairs = list(one.parameters)
    at = place % len(pairs)
    genuine = draft(one, "fuzz")
    match kind % 7:
        case 0:
            pairs[at] = (pairs[at][0], text)
        case 1:
            pairs[0] = ("Policy", encode(body))
        case 2:
            pairs[1] = ("Signature", encode(body))
        case 3:
            pairs.insert(at, (_NAMES[place % len(_NAMES)], text))
        case 4:
            position = place % len(one.url)
            return replace(genuine, url=one.url[:position] + text + one.url[position:]).attempt()
        case 5:
            return replace(genuine.attempt(), cookies=text)
        case _:
            return replace(genuine.attempt(), url=text)
    return replace(genuine, pairs=pairs).attempt()


def _is_same_grant(attempt: Attempt, body: bytes) -> bool:
    return any(body == one.text.encode() for one in _POOL.credentials) or (
        "Hash-Algorithm=SHA1" in attempt.url + attempt.cookies
    )


def _parse(body: bytes) -> None:
    """Feed the parsers on their own: only our errors, and what they accept is a fixed point."""
    text = body.decode("utf-8", "surrogateescape")
    with suppress(UrlError):
        wire = wire_url(text)
        assert wire_url(wire, strict=True) == wire
    with suppress(UrlError):
        assert encode_base64(decode_base64(text)) == text
    with suppress(PolicyError):
        assert decode_policy(body).text.encode() == body
