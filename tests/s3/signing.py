"""Issuers with credentials of their own, far from this machine's."""

from __future__ import annotations

from typing import Any

from botocore.config import Config
from botocore.session import Session

from signer.s3 import S3Issuer

ACCESS_KEY_ID = "AKIDEXAMPLE"
SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
TOKEN = "IQoJb3JpZ2luX2VjEXAMPLETOKEN//////////"
BUCKET = "private-media"
BASE_URL = "https://media.example.com"


def client(token: str | None = TOKEN, **config: Any) -> Any:  # noqa: ANN401 - botocore's client
    """Return a botocore client that signs as S3Issuer's own one does."""
    session = Session()
    session.set_credentials(ACCESS_KEY_ID, SECRET, token)
    settings = {
        "signature_version": "s3v4",
        "s3": {"addressing_style": "virtual"},
        "request_checksum_calculation": "when_required",
        **config,
    }
    return session.create_client("s3", region_name="eu-central-1", config=Config(**settings))


def issuer(**options: Any) -> S3Issuer:  # noqa: ANN401 - S3Issuer's options
    """Return an issuer that can sign and upload."""
    given = {
        "prefix": "media",
        "base_url": BASE_URL,
        "client": client(),
        "max_content_length": 1000,
        "content_types": ["image/png", "text/plain; charset=utf-8"],
        **options,
    }
    return S3Issuer(BUCKET, **given)
