"""S3 presigned URLs: the set-up without CloudFront, from the same grants.

An :class:`S3Issuer` stands where a :class:`signer.issuer.Issuer` stands: it has ``signed_url``. So
one setting moves a deployment from S3 to CloudFront. See docs/presigned.md for what differs.
"""

from signer.s3.bounds import DEFAULT_MAX_LIFETIME, LARGEST_UPLOAD, LONGEST_LIFETIME
from signer.s3.issuer import PresignedUrl, S3Issuer, SignedUpload

__all__ = [
    "DEFAULT_MAX_LIFETIME",
    "LARGEST_UPLOAD",
    "LONGEST_LIFETIME",
    "PresignedUrl",
    "S3Issuer",
    "SignedUpload",
]
