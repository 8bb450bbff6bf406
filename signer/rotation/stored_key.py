"""The next key's private half, as it lies in the standby secret before anybody signs with it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Final

from signer.errors import RotationError, SignerError
from signer.keys import KeyAlgorithm, PrivateKey

_VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class StoredKey:
    """A key with its name.

    Attributes:
        kid: Our own name of it.
        private_key: The key.
    """

    kid: str
    private_key: PrivateKey = field(repr=False)

    @classmethod
    def new(cls, kid: str, algorithm: KeyAlgorithm) -> StoredKey:
        """Make a key pair."""
        return cls(kid, PrivateKey.generate(algorithm))

    @classmethod
    def from_json(cls, text: str, *, kid: str, algorithm: KeyAlgorithm) -> StoredKey:
        """Read what was stored.

        Args:
            text: JSON. It is secret; no part of it appears in an error.
            kid: Whose it must be.
            algorithm: What it must be.

        Raises:
            RotationError: ``stored_key``: it is something else.
        """
        try:
            document: object = json.loads(text)
        except (ValueError, RecursionError):
            document = None
        # Outside the handler: the decoder's error carries the whole text.
        if not isinstance(document, dict) or document.get("version") != _VERSION:
            raise _unusable("is not the document of a key")
        pem = document.get("private_key_pem")
        if document.get("kid") != kid or not isinstance(pem, str):
            raise _unusable("is the document of another key")
        try:
            key = PrivateKey.from_pem(pem)
        except SignerError as error:
            code = error.code
        else:
            if key.algorithm is algorithm:
                return cls(kid, key)
            code = "another algorithm"
        raise _unusable(f"has no usable key ({code})")

    def to_json(self) -> str:
        """Return the document. It is secret."""
        return json.dumps(
            {
                "version": _VERSION,
                "kid": self.kid,
                "algorithm": self.private_key.algorithm.value,
                "private_key_pem": self.private_key.to_pem(),
            }
        )


def _unusable(problem: str) -> RotationError:
    return RotationError("stored_key", f"the stored key {problem}")
