"""CloudFront's base64: the standard alphabet with three characters exchanged.

AWS source: "Create a signed URL using a canned policy" (private-content-creating-signed-url-
canned-policy), on the characters that are invalid in a query string.
"""

from __future__ import annotations

import binascii

from signer.errors import UrlError

_TO_CLOUDFRONT = bytes.maketrans(b"+=/", b"-_~")
_FROM_CLOUDFRONT = bytes.maketrans(b"-_~", b"+=/")


def encode_base64(data: bytes) -> str:
    """Encode bytes as CloudFront writes base64 in parameters and cookies.

    Standard, padded base64 with ``+``, ``=``, ``/`` replaced by ``-``, ``_``, ``~``. This is not
    the "URL-safe" alphabet of RFC 4648, which maps ``/`` to ``_``.

    Args:
        data: A policy document or a signature.

    Returns:
        Text that needs no further encoding in a URL or cookie.
    """
    return binascii.b2a_base64(data, newline=False).translate(_TO_CLOUDFRONT).decode("ascii")


def decode_base64(text: str) -> bytes:
    """Decode CloudFront's base64; the exact inverse of :func:`encode_base64`.

    Args:
        text: Value of a ``Policy`` or ``Signature`` parameter or cookie.

    Returns:
        The decoded bytes.

    Raises:
        UrlError: ``base64_invalid`` when the text is not what :func:`encode_base64` writes: a
            foreign alphabet, missing padding, white space, or stray bits in the last character.
    """
    try:
        data = binascii.a2b_base64(text.encode("ascii").translate(_FROM_CLOUDFRONT))
    except ValueError:
        data = b""
    # Several texts decode to the same bytes; only one is genuine.
    if encode_base64(data) != text:
        raise UrlError("base64_invalid", "the value is not base64 in CloudFront's alphabet")
    return data
