"""A signing key that lives elsewhere, as an adapter for a key service would: it notes every call."""

from __future__ import annotations

from signer.keys import HashAlgorithm, KeyAlgorithm, PrivateKey


class RecordingKey:
    """Signs with a key of its own, or returns or raises what it was told to."""

    def __init__(self, key: PrivateKey, answer: object = None) -> None:
        self._key = key
        self._answer = answer
        self.calls: list[tuple[bytes, HashAlgorithm]] = []

    @property
    def algorithm(self) -> KeyAlgorithm:
        return self._key.algorithm

    def sign(self, message: bytes, hash_algorithm: HashAlgorithm) -> bytes:
        self.calls.append((message, hash_algorithm))
        if isinstance(self._answer, Exception):
            raise self._answer
        if self._answer is not None:
            return self._answer  # type: ignore[return-value]  # a broken backend
        return self._key.sign(message, hash_algorithm)
