"""The signature of a token, checked by joserfc.

Imported when the first token is verified and not before: joserfc takes longer to import than all
of the issuer.
"""

from __future__ import annotations

from functools import lru_cache

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from signer.oidc.compact import LONGEST_TOKEN
from signer.oidc.keyset import Jwk


def is_signed_by(token: str, *, alg: str, key: Jwk) -> bool:
    """Tell whether a key made the signature of a token with this one algorithm.

    The caller has chosen algorithm and key; of the header, joserfc may only agree.
    """
    imported = _imported(key)
    if imported is None:
        return False
    try:
        jws.deserialize_compact(token, imported, [alg], _registry(alg))
    except (JoseError, ValueError):
        return False
    return True


@lru_cache(maxsize=16)
def _registry(alg: str) -> jws.JWSRegistry:
    # RFC 7515, section 4: header members that are not understood are ignored (those that must be
    # understood are in crit, which the caller refuses).
    registry = jws.JWSRegistry(algorithms=[alg], strict_check_header=False)
    # The caller limits the whole; joserfc's own 512 bytes are few for a header with x5c.
    registry.max_header_length = LONGEST_TOKEN
    return registry


@lru_cache(maxsize=128)
def _imported(key: Jwk) -> RSAKey | ECKey | None:
    """Import a key once; None for one that is not what it says, such as a point off its curve."""
    parameters: dict[str, str | list[str]] = {}
    parameters.update(key.parameters)
    try:
        if parameters["kty"] == "RSA":
            return RSAKey.import_key(parameters)
        return ECKey.import_key(parameters)
    except (JoseError, ValueError):
        return None
