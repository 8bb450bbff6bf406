"""Key pairs: the two kinds CloudFront accepts, and the only package that touches cryptography.

CloudFront verifies RSA 2048 signatures (PKCS#1 v1.5) and ECDSA P-256 signatures (ASN.1 DER), each
over SHA-1 or SHA-256. AWS source: "Specify signers that can create signed URLs and signed
cookies" (private-content-trusted-signers) and "Create a URL signature using Linux commands and
OpenSSL" (private-content-linux-openssl).

Private material lives inside :class:`PrivateKey`, whose ``repr`` shows the algorithm and the
fingerprint of the public half and which refuses to be pickled or copied. Loaders never echo
their input.
"""

from signer.keys.kinds import HashAlgorithm, KeyAlgorithm, SigningKey
from signer.keys.private import PrivateKey
from signer.keys.public import PublicKey

__all__ = ["HashAlgorithm", "KeyAlgorithm", "PrivateKey", "PublicKey", "SigningKey"]
