"""What a client makes of a URL before it is sent.

Browsers and HTTP libraries rewrite URLs (WHATWG URL Standard, RFC 3986): they drop the fragment
and the default port, lower the host, resolve dot segments and encode what may not travel raw. A
URL that is pasted for an explanation may still be in the form in which it was written down.
Unlike :func:`signer.wire.wire_url` nothing here refuses: the question is what would happen.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import quote

_PARTS: Final = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.\-]*)://(?P<authority>[^/?#\\]*)"
    r"(?P<path>[^?#]*)(?P<query>\?[^#]*)?",
    re.DOTALL,
)
_DEFAULT_PORT: Final = {"http": ":80", "https": ":443"}
_DROPPED: Final = re.compile(r"[\t\r\n]")
_HTML_AMPERSAND: Final = re.compile(r"&(?:(?:amp|#0*38|#x0*26);)+", re.IGNORECASE)
_SINGLE_DOT: Final = re.compile(r"\.|%2e", re.IGNORECASE)
_DOUBLE_DOT: Final = re.compile(r"(?:\.|%2e){2}", re.IGNORECASE)

# Everything printable that WHATWG clients leave alone in a path and in a query.
_PATH_SAFE: Final = "%/:@!$&'()*+,;=-._~|[]^"
_QUERY_SAFE: Final = "%/:@!$&()*+,;=-._~?`{}|[]^\\"


def as_sent(url: str) -> str:
    """Return a URL as a browser sends it; one that is no ``http(s)`` URL is returned unchanged.

    Args:
        url: URL as written down, with or without CloudFront's parameters.
    """
    text = _DROPPED.sub("", url.strip(" \t\r\n\f"))
    match = _PARTS.match(text)
    scheme = match["scheme"].lower() if match else ""
    if match is None or scheme not in _DEFAULT_PORT:
        return url
    authority = match["authority"].rpartition("@")[2].lower()
    authority = authority.removesuffix(_DEFAULT_PORT[scheme])
    path = _encoded(_resolved(match["path"].replace("\\", "/")), _PATH_SAFE) or "/"
    query = _encoded(match["query"] or "", _QUERY_SAFE)
    return f"{scheme}://{_ascii_host(authority)}{path}{query}"


def html_unescaped(url: str) -> str:
    """Return a URL with plain ampersands where it has HTML's, however often it was escaped."""
    return _HTML_AMPERSAND.sub("&", url)


def fragment_of(url: str) -> str:
    """Return what follows the first ``#``, which clients never send."""
    return url.partition("#")[2]


def _encoded(text: str, safe: str) -> str:
    return quote(text.encode("utf-8", errors="surrogatepass"), safe=safe)


def _resolved(path: str) -> str:
    """Resolve dot segments as clients do, plain and percent-encoded."""
    if not path:
        return path
    kept: list[str] = []
    segments = path.split("/")[1:]
    for index, segment in enumerate(segments):
        last = index == len(segments) - 1
        if _DOUBLE_DOT.fullmatch(segment):
            del kept[-1:]
        elif not _SINGLE_DOT.fullmatch(segment):
            kept.append(segment)
            continue
        if last:
            kept.append("")
    return "/" + "/".join(kept)


def _ascii_host(authority: str) -> str:
    """Write international labels in Punycode, as far as that is possible at all."""
    if authority.isascii():
        return authority
    labels = (
        label if label.isascii() else "xn--" + label.encode("punycode").decode("ascii", "replace")
        for label in authority.split(".")
    )
    return ".".join(labels)
