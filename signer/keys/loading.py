"""Calling the loaders of the cryptography package without ever telling what they were given."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptography.exceptions import UnsupportedAlgorithm

from signer.errors import KeyMaterialError

if TYPE_CHECKING:
    from collections.abc import Callable


def secret_bytes(passphrase: str | bytes | None) -> bytes | None:
    """Return a passphrase as bytes.

    Raises:
        KeyMaterialError: ``key_passphrase``: it is no valid text.
    """
    if not isinstance(passphrase, str):
        return passphrase
    if any("\ud800" <= character <= "\udfff" for character in passphrase):
        # Before encoding, whose own error would carry the passphrase.
        raise KeyMaterialError("key_passphrase", "the passphrase is not valid text")
    return passphrase.encode()


def refuse_other_types(pem: object) -> None:
    """Refuse what is neither text nor bytes.

    Raises:
        KeyMaterialError: ``key_type``.
    """
    if not isinstance(pem, str | bytes):
        raise KeyMaterialError("key_type", f"a key must be str or bytes, not {type(pem).__name__}")


def load(
    loader: Callable[..., object], data: bytes, *secret: bytes | None, **options: bool
) -> object:
    """Call a loader of the cryptography package and translate its errors.

    The original exceptions are not chained: their text is not under our control.

    Raises:
        KeyMaterialError: ``key_passphrase``, ``key_malformed``.
    """
    try:
        return loader(data, *secret, **options)
    except TypeError:
        raise KeyMaterialError(
            "key_passphrase",
            "the key is encrypted and no passphrase was given, or the other way round",
        ) from None
    except (ValueError, UnsupportedAlgorithm):
        hint = "; or the passphrase is wrong" if any(secret) else ""
        raise KeyMaterialError(
            "key_malformed", f"the key cannot be read: damaged, incomplete or unsupported{hint}"
        ) from None
