"""The wire form of a URL: the one string that is signed, returned and sent.

CloudFront compares signatures with the bytes that arrive at the edge, so a URL must be signed in
the form in which clients send it. :func:`wire_url` produces that form under two rules:

* what is unambiguous is encoded: upper-case scheme and host, an international host, a default
  port, an empty path, a trailing ``?``, every character that RFC 3986 does not allow raw in a
  path or query (browsers, ``curl`` and HTTP libraries disagree about those), and in the query
  ``*``, a second ``?`` and ``'`` (wildcards to CloudFront, and rewritten by browsers); escapes
  are written as RFC 3986 has them (``%2f`` as ``%2F``, ``%7E`` as ``~``), since ``requests`` and
  ``urllib3`` send them so whatever they are given;
* what is hazardous is refused: fragments, dot segments, backslashes, control characters, quotes,
  user information, CloudFront's own parameter names, other schemes, relative URLs.

The result is a fixed point of the WHATWG URL parser (what browsers send) and of RFC 3986 clients.

AWS source: "Create a signed URL using a canned policy" (private-content-creating-signed-url-
canned-policy), section on the base URL; and "Choosing between signed URLs and signed cookies" for
the reserved parameter names.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final
from urllib.parse import quote, unquote

from signer.errors import UrlError, excerpt
from signer.host import host_name, port_suffix, split_authority

RESERVED_PARAMETERS: Final = ("Expires", "Policy", "Signature", "Key-Pair-Id", "Hash-Algorithm")
"""Query parameters that belong to CloudFront; any one of them marks a URL as signed."""

MAX_URL_BYTES: Final = 8192
"""Longest URL that CloudFront accepts (quota page, "Length of a URL")."""

# Characters that RFC 3986 allows raw in a path (pchar and "/"). In a query WHATWG clients turn
# "'" into "%27"; "*" and "?" are allowed there but act as wildcards in a policy's Resource.
_PATH_SAFE = "%/:@!$&'()*+,;=-._~"
_QUERY_SAFE = "%/:@!$&()+,;=-._~"

_PLAIN = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/:@!$&()+,;="
_PLAIN_PATH = _PLAIN + b"'"  # what stays as it is in a path; "*" and escapes need a closer look
_RESERVED = re.compile(r"[?&](?:Expires|Policy|Signature|Key-Pair-Id|Hash-Algorithm)(?=[=&]|\Z)")
_AFTER_SCHEME = len("https://")
_LONGEST_ORIGIN = _AFTER_SCHEME + 253 + len(":65535")
_SPLIT = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.\-]*)://"
    r"(?P<authority>[^/?#]*)(?P<path>[^?#]*)(?:\?(?P<query>[^#]*))?",
    re.DOTALL,
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_BAD_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_ESCAPE = re.compile(r"%[0-9A-Fa-f]{2}")
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_SEGMENT_BREAK = re.compile(r"[/\\]")


def wire_url(url: str, *, strict: bool = False) -> str:
    """Return the URL as clients send it, the only form worth signing.

    Args:
        url: Absolute ``http`` or ``https`` URL of one object, as the viewer will request it
            (the distribution's host name, not the S3 bucket's).
        strict: Refuse a URL that would have to be changed, instead of encoding it.

    Returns:
        An ASCII URL; applying the function again returns it unchanged.

    Raises:
        UrlError: The URL is relative, hazardous, already signed or longer than 8,192 bytes;
            ``code`` tells which. With ``strict`` also ``url_not_wire_form``; the message then
            contains the encoded form.
    """
    wire = url if _is_wire_form(url) else _normalise(url)
    if len(wire) > MAX_URL_BYTES:
        raise UrlError(
            "url_too_long",
            f"the URL has {len(wire)} bytes and CloudFront accepts {MAX_URL_BYTES}",
            length=len(wire),
        )
    if strict and wire != url:
        raise UrlError(
            "url_not_wire_form",
            f"the URL {excerpt(url)} is not in the form that clients send",
            advice=f"use {wire}",
            wire=wire,
        )
    return wire


def object_key_path(key: str) -> str:
    """Turn an S3 object key into a URL path in which nothing can act as a wildcard.

    Everything but unreserved characters and ``/`` is percent-encoded, so ``*``, ``?``, ``+`` and
    ``%`` in a key stay literal. Use it for every part of a URL or Resource that a user chose.

    Args:
        key: Object key without a leading slash, for example ``"films/a b.mp4"``.

    Returns:
        Path with a leading slash, for example ``"/films/a%20b.mp4"``.

    Raises:
        UrlError: The key is empty, contains control characters, or has a dot segment (``.`` or
            ``..``), which clients would collapse.
    """
    if not isinstance(key, str) or not key:
        raise UrlError("object_key_empty", "the object key is empty")
    _refuse_control(key)
    _refuse_dot_segments(key)
    return "/" + quote(key, safe="/-._~")


def is_plain_tail(url: str, start: int) -> bool:
    """Tell whether a URL that is in wire form up to ``start``, in its path, stays so to its end.

    False only means that a closer look is needed.
    """
    return (
        url.isascii()
        and not url[start:].encode("ascii").translate(None, _PLAIN_PATH)
        and "/." not in url
        and len(url) <= MAX_URL_BYTES
    )


def _is_wire_form(url: str) -> bool:
    """Recognise the ordinary case quickly; False only means that a closer look is needed.

    Deleting all plain characters touches less code and memory than a regular expression; right
    after a signature, when the caches are cold, that counts.
    """
    if not isinstance(url, str) or not url.isascii() or "/." in url:
        return False
    slash = url.find("/", _AFTER_SCHEME)
    if not 0 < slash <= _LONGEST_ORIGIN or not _is_wire_origin(url[:slash]):
        return False
    path, delimiter, query = url[slash:].encode("ascii").partition(b"?")
    if path.translate(None, _PLAIN_PATH):
        return False
    return not delimiter or (
        query != b"" and not query.translate(None, _PLAIN) and _RESERVED.search(url) is None
    )


@lru_cache(maxsize=256)
def _is_wire_origin(origin: str) -> bool:
    try:
        return _normalise(f"{origin}/") == f"{origin}/"
    except UrlError:
        return False


def _normalise(url: str) -> str:
    if not isinstance(url, str):
        raise UrlError("url_type", f"a URL must be a str, not {type(url).__name__}")
    match = _split(url)
    scheme = match["scheme"].lower()
    if scheme not in {"http", "https"}:
        raise UrlError(
            "url_scheme", f"the scheme {excerpt(scheme)} is not http or https", scheme=scheme
        )
    host, port = split_authority(match["authority"])
    path = wire_path(match["path"])
    if "*" in path:
        raise UrlError(
            "url_wildcard",
            "the path of a URL to sign contains *",
            advice="write %2A for a literal asterisk, or pass a pattern as resource=",
        )
    query = match["query"] or ""
    if reserved := reserved_names(query):
        raise UrlError(
            "url_reserved_parameter",
            f"the query already has CloudFront's parameter {', '.join(reserved)}",
            advice="sign the URL without it; rename your own parameter",
            parameters=tuple(reserved),
        )
    query = wire_query(query)
    authority = host_name(host) + port_suffix(scheme, port)
    return f"{scheme}://{authority}{path}" + (f"?{query}" if query else "")


def _split(url: str) -> re.Match[str]:
    refuse_hazards(url)
    match = _SPLIT.fullmatch(url)
    if match is None:
        raise UrlError(
            "url_not_absolute",
            f"{excerpt(url)} is not an absolute URL",
            advice="start with https:// and the host name that viewers use",
        )
    return match


def refuse_hazards(text: str) -> None:
    """Refuse characters that clients drop, rewrite or cut at, anywhere in a URL or pattern.

    Raises:
        UrlError: Control character, surrounding space, quote, backslash or fragment.
    """
    _refuse_control(text)
    if text != text.strip():
        raise UrlError("url_space", "the URL begins or ends with white space", advice="strip it")
    for character, code, name in (
        ('"', "url_quote", "a double quote"),
        ("\\", "url_backslash", "a backslash"),
        ("#", "url_fragment", "a fragment (#)"),
    ):
        if character in text:
            raise UrlError(
                code,
                f"the URL contains {name}",
                advice=f"write %{ord(character):02X} for a literal one",
            )


def _refuse_control(text: str) -> None:
    if _CONTROL.search(text):
        raise UrlError("url_control", "the text contains a control character or line break")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise UrlError("url_surrogate", "the text contains a lone surrogate") from None


def wire_path(path: str) -> str:
    """Return a path percent-encoded as on the wire; an empty one becomes ``/``.

    Raises:
        UrlError: Dot segment, or a ``%`` that begins no escape.
    """
    _refuse_bad_percent(path)
    _refuse_dot_segments(unquote(path, errors="replace"))
    return normal_escapes(quote(path, safe=_PATH_SAFE)) or "/"


def wire_query(query: str, *, wildcards: bool = False) -> str:
    """Return a query percent-encoded as on the wire; nothing is dropped or reordered.

    Args:
        query: Text after the first ``?``.
        wildcards: Leave ``*`` and ``?`` as they are, for a pattern.

    Raises:
        UrlError: A ``%`` that begins no escape.
    """
    _refuse_bad_percent(query)
    return normal_escapes(quote(query, safe=_QUERY_SAFE + "*?" if wildcards else _QUERY_SAFE))


def normal_escapes(text: str) -> str:
    """Write percent-escapes in the one form that no client changes (RFC 3986, section 6.2.2).

    Hexadecimal digits become upper case, and an escape of a letter, digit, ``-``, ``.``, ``_`` or
    ``~`` becomes that character. Browsers leave both alone; other clients do what is done here.
    """
    return _ESCAPE.sub(_normal_escape, text) if "%" in text else text


def _normal_escape(match: re.Match[str]) -> str:
    character = chr(int(match[0][1:], 16))
    return character if character in _UNRESERVED else match[0].upper()


def _refuse_bad_percent(text: str) -> None:
    if _BAD_PERCENT.search(text):
        raise UrlError(
            "url_percent",
            "the URL contains a % that is not followed by two hexadecimal digits",
            advice="write %25 for a literal per cent sign",
        )


def _refuse_dot_segments(decoded_path: str) -> None:
    if any(segment in {".", ".."} for segment in _SEGMENT_BREAK.split(decoded_path)):
        raise UrlError(
            "url_dot_segment",
            "the path has a . or .. segment, plain or percent-encoded",
            advice="give the path that remains when it is resolved",
        )


def reserved_names(query: str) -> list[str]:
    """Return CloudFront's parameter names that a raw query has, percent-encoded ones too."""
    names = {unquote(part.partition("=")[0], errors="replace") for part in query.split("&")}
    return [name for name in RESERVED_PARAMETERS if name in names]
