"""The private bucket: made, filled, and closed to everyone without credentials."""

from __future__ import annotations

from collections.abc import Iterable

import boto3
from botocore.config import Config

from signer.dev.content import MediaObject
from signer.dev.ministack import ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY

BUCKET = "private-gallery"


def fill_bucket(endpoint_url: str, objects: Iterable[MediaObject]) -> None:
    """Make the bucket and upload the objects with their content types."""
    client = boto3.client(
        "s3",
        endpoint_url=endpoint_url,
        region_name=REGION,
        aws_access_key_id=ACCESS_KEY_ID,
        aws_secret_access_key=SECRET_ACCESS_KEY,
        # No proxy of the environment stands between us and loopback. MiniStack checks SigV4 only.
        config=Config(signature_version="s3v4", s3={"addressing_style": "path"}, proxies={}),
    )
    client.create_bucket(Bucket=BUCKET)
    for item in objects:
        client.put_object(
            Bucket=BUCKET,
            Key=item.key,
            Body=item.file.read_bytes(),
            ContentType=item.content_type,
            # A browser asks again each time, so logging out is seen at once.
            CacheControl="private, no-cache",
        )
