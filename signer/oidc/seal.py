"""Small records sealed for a browser to keep: encrypted, authenticated, dated, for one purpose.

Fernet (AES-128-CBC with HMAC-SHA256) does the cryptography. Purpose and expiry are inside and
checked here, by our own clock: a log-in cookie can never pass for a session cookie, and a cookie
ends when it was meant to, whatever its ``Max-Age`` was.
"""

from __future__ import annotations

import base64
import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Final

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from signer.errors import ConfigurationError, IdentityError
from signer.oidc.strict_json import read_object

LONGEST_SEALED: Final = 8192
MOST_KEYS: Final = 8

_KEY_BYTES: Final = 32
_UNPADDED: Final = 43


class Seal:
    """Seals and opens.

    Args:
        keys: Fernet keys, the newest first: it seals, all of them open. To change keys, put a new
            one in front, and drop the last once everything sealed with it has expired.
        context: Whose records these are: a service opens none that another one sealed, or the
            same one for another provider, though the keys be the same.
        clock: Returns seconds since 1970.

    Raises:
        ConfigurationError: ``seal_keys``: no keys, too many, or something that is not a key.
    """

    def __init__(
        self,
        keys: Sequence[str | bytes],
        *,
        context: str = "",
        clock: Callable[[], float] = time.time,
    ) -> None:
        fernets = [] if isinstance(keys, str | bytes) else [_fernet(key) for key in keys]
        if not 0 < len(fernets) <= MOST_KEYS or None in fernets:
            raise ConfigurationError(
                "seal_keys",
                f"session keys are 1 to {MOST_KEYS} Fernet keys, 32 bytes in base64url each",
                advice='make one with: python -c "from signer.oidc.seal import new_key; '
                'print(new_key())"',
            )
        self._fernet = MultiFernet([fernet for fernet in fernets if fernet is not None])
        self._context = context
        self._clock = clock

    def seal(self, purpose: str, data: Mapping[str, object], *, lifetime: timedelta) -> str:
        """Return a record as text that fits a cookie value.

        Args:
            purpose: What it is for; only opened for the same.
            data: JSON values.
            lifetime: Until when it can be opened.
        """
        expires_at = self._clock() + lifetime.total_seconds()
        record = {
            "purpose": purpose,
            "context": self._context,
            "expires_at": expires_at,
            "data": dict(data),
        }
        text = json.dumps(record, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
        return self._fernet.encrypt(text.encode()).rstrip(b"=").decode("ascii")

    def open(self, purpose: str, text: str) -> dict[str, object]:
        """Return a record's data.

        Raises:
            IdentityError: ``seal_broken``: changed, sealed with another key, for another purpose
                or by another service, or nothing of ours at all; ``seal_expired``.
        """
        record = self._decrypted(text)
        data = record.get("data") if record is not None else None
        ours = record is not None and (record.get("purpose"), record.get("context")) == (
            purpose,
            self._context,
        )
        if record is None or not ours or not isinstance(data, dict):
            raise IdentityError("seal_broken", "the cookie is not one that this service sealed")
        expires_at = record.get("expires_at")
        if not isinstance(expires_at, int | float) or not self.now() < expires_at < math.inf:
            raise IdentityError("seal_expired", "the cookie has expired", advice="log in again")
        return data

    def now(self) -> float:
        """Return the time by which records expire."""
        return self._clock()

    def __repr__(self) -> str:
        """Show nothing of the keys."""
        return "Seal()"

    def _decrypted(self, text: object) -> dict[str, object] | None:
        if not isinstance(text, str) or not 0 < len(text) <= LONGEST_SEALED or not text.isascii():
            return None
        padded = (text + "=" * (-len(text) % 4)).encode("ascii")
        try:
            # Fernet decodes loosely; with one spelling only, no changed byte goes unnoticed.
            octets = base64.b64decode(padded, altchars=b"-_", validate=True)
            if base64.urlsafe_b64encode(octets) != padded or text.endswith("="):
                return None
            return read_object(self._fernet.decrypt(padded))
        except (InvalidToken, ValueError):
            return None


def new_key() -> str:
    """Return a new key."""
    return Fernet.generate_key().decode("ascii")


def _fernet(key: str | bytes) -> Fernet | None:
    try:
        octets = key.encode("ascii") if isinstance(key, str) else key
        # Without its padding it is 43 letters and digits, which CloudFormation can generate.
        octets += b"=" if len(octets) == _UNPADDED else b""
        decoded = base64.b64decode(octets, altchars=b"-_", validate=True)
        return Fernet(octets) if len(decoded) == _KEY_BYTES else None
    except (ValueError, TypeError):
        return None
