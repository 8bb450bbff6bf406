"""Requests made right and wrong: a signer without any of the library's checks."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from signer.encoding import encode_base64
from signer.explain import Context, Explanation, Severity, explain
from signer.keys import HashAlgorithm, PrivateKey
from signer.policy import canned_policy_text
from signer.verifier import TrustedKeyGroup
from signer.viewer_request import ViewerRequest, presented

NOW = 1_800_000_000
END = NOW + 3600
KID = "K2JCJMDEHXQW5F"
OTHER_KID = "K36X4X2EO997HM"
HOST = "https://cdn.example.com"
URL = f"{HOST}/films/a.mp4"
SHA1, SHA256 = HashAlgorithm.SHA1, HashAlgorithm.SHA256


@dataclass(frozen=True)
class Keys:
    """The keys of a test run; ``p256`` and ``rsa`` are trusted under KID in turn."""

    p256: PrivateKey
    rsa: PrivateKey
    other: PrivateKey


@dataclass(frozen=True)
class Accident:
    """A request that goes wrong for a known cause."""

    cause: int
    severity: Severity
    also: frozenset[int]
    build: Callable[[Keys], Explanation]


ACCIDENTS: dict[str, Accident] = {}


def accident(
    cause: int, *, severity: Severity = "cause", also: Iterable[int] = ()
) -> Callable[[Callable[[Keys], Explanation]], Callable[[Keys], Explanation]]:
    """Register a function that makes and explains a request."""

    def register(build: Callable[[Keys], Explanation]) -> Callable[[Keys], Explanation]:
        ACCIDENTS[build.__name__] = Accident(cause, severity, frozenset(also), build)
        return build

    return register


def signed(
    url: str,
    *,
    carrier: str,
    signature: bytes | str,
    kid: str = KID,
    marker: str | None = "SHA256",
) -> str:
    """Put a signed URL together."""
    text = signature if isinstance(signature, str) else encode_base64(signature)
    end = "" if marker is None else f"&Hash-Algorithm={marker}"
    join = "&" if "?" in url else "?"
    return f"{url}{join}{carrier}&Signature={text}&Key-Pair-Id={kid}{end}"


def canned(
    key: PrivateKey,
    url: str = URL,
    *,
    over: str | None = None,
    end: int | str = END,
    with_hash: HashAlgorithm = SHA256,
    marker: str | None = "SHA256",
    kid: str = KID,
) -> str:
    """Sign with a canned policy; ``over`` is what is signed in place of the right text."""
    text = canned_policy_text(url, end) if over is None else over
    signature = key.sign(text.encode(), with_hash)
    return signed(url, carrier=f"Expires={end}", signature=signature, kid=kid, marker=marker)


def custom(
    key: PrivateKey,
    url: str = URL,
    *,
    text: str | None = None,
    over: str | None = None,
    resource: str = f"{HOST}/films/*",
    with_hash: HashAlgorithm = SHA256,
) -> str:
    """Sign with a custom policy; ``text`` is what is sent, ``over`` what is signed."""
    text = policy(resource) if text is None else text
    signature = key.sign((text if over is None else over).encode(), with_hash)
    return signed(url, carrier=f"Policy={encode_base64(text.encode())}", signature=signature)


def policy(
    resource: str | None = f"{HOST}/films/*",
    *,
    end: object = END,
    start: object = None,
    ip: object = None,
) -> str:
    """Write a custom policy, unchecked."""
    condition: dict[str, object] = {"DateLessThan": {"AWS:EpochTime": end}}
    if start is not None:
        condition["DateGreaterThan"] = {"AWS:EpochTime": start}
    if ip is not None:
        condition["IpAddress"] = {"AWS:SourceIp": ip}
    statement: dict[str, object] = {} if resource is None else {"Resource": resource}
    return json.dumps({"Statement": [{**statement, "Condition": condition}]}, separators=(",", ":"))


def cookie_values(url: str) -> dict[str, str]:
    """Return a signed URL's parameters as cookies."""
    values = presented(ViewerRequest(url)).values
    return {f"CloudFront-{name}": value[0] for name, value in values.items()}


def explained(
    url: str,
    key: PrivateKey | None,
    *,
    cookies: dict[str, str] | str | tuple[()] = (),
    ip: str | None = None,
    now: float = NOW,
    trusted: dict[str, PrivateKey] | None = None,
    context: Context | None = None,
    method: Literal["GET"] = "GET",
) -> Explanation:
    """Explain a request, with the key trusted under KID."""
    keys = dict(trusted or {})
    if key is not None:
        keys[KID] = key
    group = TrustedKeyGroup({name: private.public_key() for name, private in keys.items()})
    request = ViewerRequest(url, cookies=cookies, ip=ip, method=method)
    return explain(request, groups=[group], now=now, context=context)
