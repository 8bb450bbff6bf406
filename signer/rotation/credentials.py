"""What may be in the signing secret: the key's own credential, and nothing of somebody else."""

from __future__ import annotations

import contextlib
from datetime import timedelta
from typing import Final

from signer.credential import Credential
from signer.errors import RotationError, SignerError
from signer.rotation.ring import Ring, RingKey

TRIAL: Final = b"a key signs and its public half at CloudFront verifies"
"""Signed and verified to see whether two halves belong together."""


class GivenUpError(Exception):
    """A key cannot be used, now or later."""


def refuse_foreign(text: str, ring: Ring | None) -> None:
    """Leave a secret alone that somebody signs with already.

    Raises:
        RotationError: ``credential_foreign``: it holds a credential that the ring did not make, or
            a private key in another form.
    """
    kid = None
    with contextlib.suppress(SignerError):
        kid = Credential.from_json(text).kid
    if kid is None and "PRIVATE KEY" not in text:
        return
    if kid is None or ring is None or ring.key(kid) is None:
        raise RotationError(
            "credential_foreign",
            "the signing secret holds a key that this ring did not make",
            advice="give another secret, or take a credential over with: signer rotate adopt",
        )


def check_credential(text: str, key: RingKey) -> None:
    """Refuse to switch issuers to anything but the key's own credential."""
    try:
        found = Credential.from_json(text)
    except SignerError as error:
        raise GivenUpError(f"its credential cannot be used ({error.code})") from None
    if found.kms_key is not None:
        same = found.kms_key.arn == key.kms_key_arn
    else:
        public = found.held_key.public_key()
        # Reading a credential does not prove that the halves of an RSA key belong together.
        trial = found.held_key.sign(TRIAL, found.hash_algorithm)
        same = public.fingerprint == key.fingerprint and public.verify(
            trial, TRIAL, found.hash_algorithm
        )
    # Its longest life is what the drain waits for.
    facts = (found.kid, found.key_pair_id, found.hash_algorithm, found.max_lifetime)
    kind = key.kind
    life = timedelta(seconds=kind.max_lifetime)
    if not same or facts != (key.kid, key.public_key_id, kind.hash_algorithm, life):
        raise GivenUpError("its credential is another key's")
