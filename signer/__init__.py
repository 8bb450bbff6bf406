"""Signed URLs and signed cookies for Amazon CloudFront: issue, verify, explain.

Example:
    >>> from signer import Issuer, PrivateKey, TrustedKeyGroup, Verifier, ViewerRequest
    >>> key = PrivateKey.generate()
    >>> issuer = Issuer(key, key_pair_id="K2JCJMDEHXQW5F")
    >>> url = issuer.signed_url("https://cdn.example.com/films/a.mp4", expires_in=3600)
    >>> group = TrustedKeyGroup({"K2JCJMDEHXQW5F": key.public_key()})
    >>> Verifier([group]).verify(ViewerRequest(url)).allowed
    True
"""

from importlib import import_module
from typing import TYPE_CHECKING

from signer.cookies import CookieAttributes, SignedCookies
from signer.errors import (
    ConfigurationError,
    CookieError,
    CredentialError,
    InputError,
    KeyMaterialError,
    KeyPairIdError,
    PolicyError,
    ResourceError,
    SignerError,
    SigningError,
    UrlError,
)
from signer.issuer import Issuer
from signer.keys import HashAlgorithm, KeyAlgorithm, PrivateKey, PublicKey, SigningKey
from signer.policy import DecodedPolicy, Policy
from signer.signed_policy import SignedPolicy
from signer.wire import object_key_path, wire_url

if TYPE_CHECKING:
    from signer.assumptions import Assumptions
    from signer.custody import open_issuer
    from signer.verdict import Check, Verdict
    from signer.verifier import TrustedKeyGroup, Verifier
    from signer.viewer_request import ViewerRequest

# Imported at first use: a backend that only issues starts in two thirds of the time.
_LATER = {
    "Assumptions": "signer.assumptions",
    "Check": "signer.verdict",
    "TrustedKeyGroup": "signer.verifier",
    "Verdict": "signer.verdict",
    "Verifier": "signer.verifier",
    "ViewerRequest": "signer.viewer_request",
    "open_issuer": "signer.custody",
}

__all__ = [
    "Assumptions",
    "Check",
    "ConfigurationError",
    "CookieAttributes",
    "CookieError",
    "CredentialError",
    "DecodedPolicy",
    "HashAlgorithm",
    "InputError",
    "Issuer",
    "KeyAlgorithm",
    "KeyMaterialError",
    "KeyPairIdError",
    "Policy",
    "PolicyError",
    "PrivateKey",
    "PublicKey",
    "ResourceError",
    "SignedCookies",
    "SignedPolicy",
    "SignerError",
    "SigningError",
    "SigningKey",
    "TrustedKeyGroup",
    "UrlError",
    "Verdict",
    "Verifier",
    "ViewerRequest",
    "object_key_path",
    "open_issuer",
    "wire_url",
]


def __getattr__(name: str) -> object:
    if name not in _LATER:
        raise AttributeError(f"module 'signer' has no attribute {name!r}")
    value: object = getattr(import_module(_LATER[name]), name)
    globals()[name] = value
    return value
