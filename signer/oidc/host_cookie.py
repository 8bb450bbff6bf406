"""The service's own two cookies, as ``Set-Cookie`` values.

``__Host-`` makes browsers refuse them from sibling subdomains, without ``Secure``, or with a
``Domain`` or another ``Path`` (RFC 6265bis, section 4.1.3.2). ``SameSite=Lax`` lets them come
along when the provider sends the browser back, and not with another site's POST.
"""

from __future__ import annotations

from typing import Final

LOGIN_COOKIE: Final = "__Host-signer-login"
SESSION_COOKIE: Final = "__Host-signer-session"
MAX_COOKIE_BYTES: Final = 4096

_ATTRIBUTES: Final = "; Path=/; Secure; HttpOnly; SameSite=Lax"


def cookie_line(name: str, value: str, *, max_age: int) -> str:
    """Return the ``Set-Cookie`` value that sets one of them."""
    return f"{name}={value}; Max-Age={max_age}{_ATTRIBUTES}"


def clearing_line(name: str) -> str:
    """Return the ``Set-Cookie`` value that removes one of them."""
    return f"{name}=; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT{_ATTRIBUTES}"


def fits_cookie(name: str, value: str) -> bool:
    """Tell whether browsers are sure to keep it: 4,096 bytes with all attributes."""
    return len(cookie_line(name, value, max_age=10**9)) <= MAX_COOKIE_BYTES
