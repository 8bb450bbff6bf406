"""The wire form of a URL: the one string that is signed, returned and sent.

CloudFront compares signatures with the bytes that arrive at the edge, so a URL must be signed in
the form in which clients send it. :func:`wire_url` produces that form under two rules:

* what is unambiguous is encoded: upper-case scheme and host, an international host, a default
  port, an empty path, a trailing ``?``, every character that RFC 3986 does not allow raw in a
  path or query (browsers, ``curl`` and HTTP libraries disagree about those), and in the query
  ``*``, a second ``?`` and ``'`` (wildcards to CloudFront, and rewritten by browsers);
* what is hazardous is refused: fragments, dot segments, backslashes, control characters, quotes,
  user information, CloudFront's own parameter names, other schemes, relative URLs.

The result is a fixed point of the WHATWG URL parser (what browsers send) and of RFC 3986 clients.

AWS source: "Create a signed URL using a canned policy" (private-content-creating-signed-url-
canned-policy), section on the base URL; and "Choosing between signed URLs and signed cookies" for
the reserved parameter names.
"""

from __future__ import annotations

import binascii
import ipaddress
import re
import unicodedata
from typing import Final
from urllib.parse import quote, unquote

from signer.errors import UrlError, excerpt

RESERVED_PARAMETERS: Final = ("Expires", "Policy", "Signature", "Key-Pair-Id", "Hash-Algorithm")
"""Query parameters that belong to CloudFront; any one of them marks a URL as signed."""

MAX_URL_BYTES: Final = 8192
"""Longest URL that CloudFront accepts (quota page, "Length of a URL")."""

_MAX_HOST = 253
_MAX_LABEL = 63
_MAX_PORT = 65535
_DEFAULT_PORTS = {"http": 80, "https": 443}

# Characters that RFC 3986 allows raw in a path (pchar and "/"). In a query WHATWG clients turn
# "'" into "%27"; "*" and "?" are allowed there but act as wildcards in a policy's Resource.
_PATH_SAFE = "%/:@!$&'()*+,;=-._~"
_QUERY_SAFE = "%/:@!$&()+,;=-._~"

# The ordinary URL: nothing encoded, no port, no Punycode, last host label not numeric.
_FAST = re.compile(
    r"https?://(?![^/]{254})(?![^/]*xn--)"
    r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?)+"
    r"(?P<path>/[A-Za-z0-9/:@!$&'()+,;=\-._~]*)"
    r"(?:\?(?P<query>[A-Za-z0-9/:@!$&()+,;=\-._~]+))?",
)
_SPLIT = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.\-]*)://"
    r"(?P<authority>[^/?#]*)(?P<path>[^?#]*)(?:\?(?P<query>[^#]*))?",
    re.DOTALL,
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_BAD_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_SEGMENT_BREAK = re.compile(r"[/\\]")
_HOST_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?")
_FILLERS = "\u115f\u1160\u3164\uffa0"  # letters by category, dropped by UTS #46
_TO_CLOUDFRONT = bytes.maketrans(b"+=/", b"-_~")
_FROM_CLOUDFRONT = bytes.maketrans(b"-_~", b"+=/")
_CLOUDFRONT_BASE64 = re.compile(r"(?:[A-Za-z0-9~-]{4})*(?:[A-Za-z0-9~-]{2}__|[A-Za-z0-9~-]{3}_)?")


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
    if _CLOUDFRONT_BASE64.fullmatch(text):
        data = binascii.a2b_base64(text.encode("ascii").translate(_FROM_CLOUDFRONT))
        # Several texts decode to the same bytes when unused bits are set. Only one is genuine.
        if encode_base64(data) == text:
            return data
    raise UrlError("base64_invalid", "the value is not base64 in CloudFront's alphabet")


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


def own_parameters(query: str) -> list[str]:
    """Return the parameters of a raw query that are not CloudFront's, byte for byte, in order."""
    return [
        part for part in query.split("&") if part.partition("=")[0] not in RESERVED_PARAMETERS
    ]


def _is_wire_form(url: str) -> bool:
    """Recognise the ordinary case quickly; False only means that a closer look is needed."""
    match = _FAST.fullmatch(url) if isinstance(url, str) else None
    if match is None or "/." in match["path"]:
        return False
    query = match["query"]
    return query is None or not _reserved_names(query)


def _normalise(url: str) -> str:
    if not isinstance(url, str):
        raise UrlError("url_type", f"a URL must be a str, not {type(url).__name__}")
    match = _split(url)
    scheme = match["scheme"].lower()
    if scheme not in _DEFAULT_PORTS:
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
    if reserved := _reserved_names(query):
        raise UrlError(
            "url_reserved_parameter",
            f"the query already has CloudFront's parameter {', '.join(reserved)}",
            advice="sign the URL without it; rename your own parameter",
            parameters=tuple(reserved),
        )
    query = wire_query(query)
    default = port is None or port == _DEFAULT_PORTS[scheme]
    authority = host_name(host) + ("" if default else f":{port}")
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


def split_authority(authority: str) -> tuple[str, int | None]:
    """Split host and port.

    Returns:
        Host as written, and the port or None when there is none or it is empty.

    Raises:
        UrlError: User information, no host, or a port that is not a number up to 65535.
    """
    if "@" in authority:
        raise UrlError("url_user_info", "the URL contains user information (@ before the host)")
    host, colon, port = authority.rpartition(":")
    if not colon or authority.endswith("]"):
        host, port = authority, ""
    if not host:
        raise UrlError("url_no_host", "the URL has no host")
    if not port:
        return host, None
    if not (port.isascii() and port.isdigit() and len(port) <= len("00065535")):
        raise UrlError("url_port", f"{excerpt(port)} is not a port number")
    if int(port) > _MAX_PORT:
        raise UrlError("url_port", f"the port {int(port)} is above {_MAX_PORT}")
    return host, int(port)


def host_name(host: str) -> str:
    """Return a host in the form browsers send: lower case, Punycode, canonical IP address.

    Raises:
        UrlError: The host is not a name or address that every client writes alike.
    """
    if host.startswith("["):
        return _ipv6_host(host)
    name = ".".join(host_label(label) for label in host.split("."))
    if len(name) > _MAX_HOST:
        raise UrlError("url_host", f"the host has {len(name)} characters, more than {_MAX_HOST}")
    if re.fullmatch(r"(?:0x[0-9a-f]*|[0-9]+)", name.rpartition(".")[2]):
        return _ipv4_host(name)
    return name


def host_label(label: str) -> str:
    """Return one label of a host name in lower-case ASCII (Punycode where necessary)."""
    if label.isascii():
        lowered = label.lower()
        if _HOST_LABEL.fullmatch(lowered) and len(lowered) <= _MAX_LABEL:
            if lowered.startswith("xn--"):
                _check_punycode(lowered)
            return lowered
        raise UrlError("url_host", f"{excerpt(label)} is not a host name label")
    encoded = "xn--" + _plain_letters(label).encode("punycode").decode("ascii")
    if len(encoded) > _MAX_LABEL:
        raise UrlError("url_host", f"the label {excerpt(label)} is too long in Punycode")
    return encoded


def _plain_letters(label: str) -> str:
    """Lower and compose a Unicode label; refuse what the IDNA versions map differently.

    Browsers follow UTS #46; its tables are not in the standard library. The letters and digits
    that pass here map to themselves in every version; the rest (sharp s, joiners, right-to-left
    scripts, symbols) must be given in Punycode by the caller.
    """
    name = unicodedata.normalize("NFC", label.lower())
    if (
        not all(map(_is_plain, name))
        or unicodedata.normalize("NFKC", name).casefold() != name
        or name[0] == "-"
        or name[-1] == "-"
        or name[2:4] == "--"
    ):
        raise UrlError(
            "url_host",
            f"the international host label {excerpt(label)} is not written alike by all clients",
            advice="give the host in Punycode (xn--...)",
        )
    return name


def _is_plain(character: str) -> bool:
    if character.isascii():
        return character == "-" or character.isalnum()
    return (
        unicodedata.category(character) in {"Ll", "Lo"}
        and unicodedata.bidirectional(character) == "L"
        and character not in _FILLERS
    )


def _check_punycode(label: str) -> None:
    try:
        name = label[4:].encode("ascii").decode("punycode")
        genuine = not name.isascii() and name.encode("punycode").decode("ascii") == label[4:]
    except UnicodeError:
        genuine = False
    if not genuine:
        raise UrlError("url_host", f"{excerpt(label)} is not valid Punycode")


def _ipv4_host(name: str) -> str:
    try:
        return str(ipaddress.IPv4Address(name))
    except ipaddress.AddressValueError:
        raise UrlError(
            "url_host",
            f"{excerpt(name)} ends like an IPv4 address but is not one in dotted decimal form",
        ) from None


def _ipv6_host(host: str) -> str:
    try:
        address = ipaddress.IPv6Address(host[1:-1] if host.endswith("]") else "")
    except ipaddress.AddressValueError:
        raise UrlError("url_host", f"{excerpt(host)} is not an IPv6 address") from None
    if address.scope_id or address.ipv4_mapped:
        raise UrlError("url_host", f"{excerpt(host)} is not a global form of an IPv6 address")
    return f"[{address.compressed}]"


def wire_path(path: str) -> str:
    """Return a path percent-encoded as on the wire; an empty one becomes ``/``.

    Raises:
        UrlError: Dot segment, or a ``%`` that begins no escape.
    """
    _refuse_bad_percent(path)
    _refuse_dot_segments(unquote(path, errors="replace"))
    return quote(path, safe=_PATH_SAFE) or "/"


def wire_query(query: str, *, wildcards: bool = False) -> str:
    """Return a query percent-encoded as on the wire; nothing is decoded, dropped or reordered.

    Args:
        query: Text after the first ``?``.
        wildcards: Leave ``*`` and ``?`` as they are, for a pattern.

    Raises:
        UrlError: A ``%`` that begins no escape.
    """
    _refuse_bad_percent(query)
    return quote(query, safe=_QUERY_SAFE + "*?" if wildcards else _QUERY_SAFE)


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


def _reserved_names(query: str) -> list[str]:
    names = {unquote(part.partition("=")[0], errors="replace") for part in query.split("&")}
    return [name for name in RESERVED_PARAMETERS if name in names]
