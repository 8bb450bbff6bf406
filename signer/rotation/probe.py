"""A signed request to the distribution, which tells whether an edge location knows a key.

It shows what one location says, the one that is nearest to whoever asks. The soak is what makes
sure of the others; this makes sure that key, id, hash and behavior belong together.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from enum import Enum
from typing import Final

from signer.errors import RemoteError, RotationError, excerpt
from signer.https import Answer, request
from signer.issuer import Issuer

_SECONDS: Final = 300
_TIMEOUT: Final = 5.0
_LARGEST: Final = 1 << 16
_FORBIDDEN: Final = 403
_CODE = re.compile(rb"<Code>([A-Za-z]{1,40})</Code>")

Send = Callable[[str], Answer]


class Finding(Enum):
    """What a probe found."""

    ACCEPTED = "the edge location accepts what the key signs"
    UNKNOWN_KEY = "the edge location does not know the key yet"
    REFUSED = "the edge location knows the key and refuses what it signs"


def probe(url: str, issuer: Issuer, *, send: Send | None = None) -> Finding:
    """Ask for a URL with a fresh signature, and without any.

    AWS source of the codes: "Troubleshoot signed URL and signed cookie issues in CloudFront" on
    re:Post. What the origin answers does not matter, a missing object included.

    Args:
        url: Below a behavior that trusts the key's group. Its answer may be cached: every request
            has a query parameter of its own, which a cache policy may ignore.
        issuer: Signs with the key.
        send: Sends a GET request; see :func:`send_get`.

    Raises:
        RotationError: ``probe_unprotected``: the URL is served to anybody; ``probe_credentials``:
            CloudFront saw no signature; ``probe_blocked``: a firewall, or something else that is
            not about signatures, refuses it.
        RemoteError: The distribution cannot be reached.
        UrlError: The URL cannot be signed.
    """
    send = send or send_get
    asked = f"{url}{'&' if '?' in url else '?'}signer-probe={secrets.token_hex(8)}"
    life = min(_SECONDS, int(issuer.max_lifetime.total_seconds()))
    code = _refusal(send(issuer.signed_url(asked, expires_in=life)))
    if code == "InvalidKey":
        return Finding.UNKNOWN_KEY
    if code == "MissingKey":
        raise RotationError(
            "probe_credentials",
            f"CloudFront saw no signature in a signed request to {excerpt(url)}",
            advice="something on the way takes query parameters away",
        )
    if code is not None:
        return Finding.REFUSED
    if _refusal(send(asked)) is None:
        raise RotationError(
            "probe_unprotected",
            f"{excerpt(url)} is served without a signature",
            advice="name a URL below a behavior that has the key group among its trusted ones",
        )
    return Finding.ACCEPTED


def send_get(url: str) -> Answer:
    """Send a GET request for the first byte.

    Raises:
        RemoteError: ``remote_...``; see :func:`signer.https.request`.
        InputError: ``remote_url``: neither HTTPS nor on this machine.
    """
    try:
        return request("GET", url, headers={"Range": "bytes=0-0"}, timeout=_TIMEOUT, limit=_LARGEST)
    except RemoteError as error:
        if error.code != "remote_too_large":
            raise
    # An origin that knows no ranges. No refusal of CloudFront's is as large as that.
    return Answer(200, {}, b"")


def _refusal(answer: Answer) -> str | None:
    """Return CloudFront's code for a refusal of its own; None for what the origin answered.

    S3 refuses with the same status, and with AccessDenied where an object is missing.
    """
    ours = answer.headers.get("server", "") == "CloudFront"
    if answer.status != _FORBIDDEN or not ours or "x-amz-request-id" in answer.headers:
        return None
    found = _CODE.search(answer.body)
    if found is None:
        # A page, not a code: of a firewall or a geographic restriction, which say nothing of a key.
        raise RotationError(
            "probe_blocked",
            "CloudFront refuses the probe for another reason than its signature",
            advice="a firewall or a geographic restriction may stand in its way",
        )
    return found[1].decode()
