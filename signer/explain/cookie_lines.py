"""``Set-Cookie`` lines, and whether a browser would send the cookies with a request.

The rules are those of RFC 6265 (and its successor for ``SameSite``); only what decides about
sending is followed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final

from signer.cookies import MAX_COOKIE_BYTES
from signer.resource import Sections, split_url

if TYPE_CHECKING:
    from collections.abc import Iterable

_PREFIX: Final = re.compile(r"\s*set-cookie2?:\s*", re.IGNORECASE)
_COOKIE: Final = re.compile(r"\s*cookie:\s*", re.IGNORECASE)
_ATTRIBUTE: Final = re.compile(
    r";\s*(?:path|domain|secure|httponly|samesite|max-age|expires|partitioned)\b(?!-)",
    re.IGNORECASE,
)
_SHARED_DOMAINS: Final = ("cloudfront.net", "amazonaws.com", "com", "net", "org", "localhost")
_ADDRESS: Final = re.compile(r"\[.*\]|[0-9.]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class CookieFate:
    """What a browser does with one ``Set-Cookie`` line.

    Attributes:
        name: Cookie name.
        value: Cookie value.
        sent: Whether it is sent with the request.
        reason: Why it is not sent; empty when it is, or when the line only removes a cookie.
    """

    name: str
    value: str
    sent: bool
    reason: str = ""


def split_cookie_text(text: str) -> tuple[str, tuple[str, ...]]:
    """Tell a ``Cookie`` header from ``Set-Cookie`` lines.

    Args:
        text: Copied from a browser, a terminal or a file, with or without header names.

    Returns:
        The value of a ``Cookie`` header, or the values of ``Set-Cookie`` lines; the other empty.
    """
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    set_lines = [line for line in lines if _PREFIX.match(line) or _ATTRIBUTE.search(line)]
    if set_lines:
        return "", tuple(_PREFIX.sub("", line, count=1) for line in set_lines)
    return "; ".join(_COOKIE.sub("", line, count=1).rstrip("; ") for line in lines), ()


def judge_cookies(
    lines: Iterable[str], *, url: str, set_by: str | None, now: float
) -> tuple[CookieFate, ...]:
    """Decide for each line whether its cookie is sent with a request.

    Args:
        lines: Values of ``Set-Cookie`` headers.
        url: URL of the request.
        set_by: URL of the response that had them; the request's own when None.
        now: Time of the request.
    """
    target = split_url(url)
    setter = split_url(set_by) if set_by else target
    fates = []
    for line in lines:
        pair, *rest = line.split(";")
        name, _, value = pair.strip().partition("=")
        split = [part.strip().partition("=") for part in rest]
        attributes = {key.strip().lower(): text.strip() for key, _, text in split}
        if not value and _is_over(attributes, now):
            continue
        reason = "" if target is None else _reason(line, attributes, target, setter or target, now)
        fates.append(CookieFate(name=name, value=value, sent=not reason, reason=reason))
    return tuple(fates)


def _reason(
    line: str, attributes: dict[str, str], target: Sections, setter: Sections, now: float
) -> str:
    """Return why a cookie is not sent; empty when it is."""
    if len(line.encode("utf-8", errors="replace")) > MAX_COOKIE_BYTES:
        return f"it is longer than {MAX_COOKIE_BYTES} bytes, so browsers drop it"
    if _is_over(attributes, now):
        return "Max-Age or Expires has passed, so it is removed"
    return (
        _domain_reason(attributes.get("domain", ""), _host(target), _host(setter))
        or _path_reason(attributes.get("path", ""), target.path, setter.path)
        or _secure_reason(attributes, target, setter)
    )


def _domain_reason(domain: str, target: str, setter: str) -> str:
    name = domain.lower().removeprefix(".")
    if not name:
        if target == setter:
            return ""
        return f"it has no Domain, so only {setter} gets it, not {target}"
    if name in _SHARED_DOMAINS:
        return f"browsers refuse Domain={name}, which many owners share"
    if not _covers(name, setter):
        return f"{setter} may not set cookies for Domain={name}"
    if not _covers(name, target):
        return f"Domain={name} does not include {target}"
    return ""


def _covers(domain: str, host: str) -> bool:
    return host == domain or (host.endswith(f".{domain}") and not _ADDRESS.fullmatch(host))


def _path_reason(path: str, target: str, setter: str) -> str:
    if not path.startswith("/"):
        path = setter[: setter.rfind("/")] or "/"
        given = f"it has no Path, so it belongs to {path}"
    else:
        given = f"its Path is {path}"
    if target == path or target.startswith(path if path.endswith("/") else f"{path}/"):
        return ""
    literal = ", and cookie paths have no wildcards" if "*" in path else ""
    return f"{given}{literal}; the request is for {target}"


def _secure_reason(attributes: dict[str, str], target: Sections, setter: Sections) -> str:
    secure = "secure" in attributes
    if secure and not _is_trustworthy(setter):
        return "it is Secure but was set over http"
    if secure and not _is_trustworthy(target):
        return "it is Secure and the request uses http"
    if not secure and attributes.get("samesite", "").lower() == "none":
        return "browsers refuse SameSite=None without Secure"
    if not secure and "partitioned" in attributes:
        return "browsers refuse Partitioned without Secure"
    return ""


def _is_trustworthy(url: Sections) -> bool:
    host = _host(url)
    local = host in {"localhost", "127.0.0.1", "[::1]"} or host.endswith(".localhost")
    return url.protocol == "https" or local


def _is_over(attributes: dict[str, str], now: float) -> bool:
    age = attributes.get("max-age", "")
    if re.fullmatch(r"-?[0-9]{1,15}", age):
        return int(age) <= 0
    try:
        return parsedate_to_datetime(attributes.get("expires", "")).timestamp() <= now
    except (ValueError, TypeError, IndexError, OverflowError, OSError):
        return False


def _host(url: Sections) -> str:
    host, colon, port = url.domain.rpartition(":")
    return host if colon and port.isdigit() else url.domain
