"""The private bucket: made, filled, and closed to everyone without credentials."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import boto3
from botocore.config import Config

from signer.dev.content import MediaObject
from signer.dev.ministack import ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY

BUCKET = "private-gallery"
_KEYS_AT_ONCE = 1000


def fill_bucket(endpoint_url: str, objects: Iterable[MediaObject]) -> None:
    """Make the bucket and upload the objects with their content types."""
    _client(endpoint_url).create_bucket(Bucket=BUCKET)
    upload(endpoint_url, BUCKET, objects)


def upload(endpoint_url: str, bucket: str, objects: Iterable[MediaObject]) -> None:
    """Upload objects with their content types to a bucket that is there."""
    client = _client(endpoint_url)
    for item in objects:
        client.put_object(
            Bucket=bucket,
            Key=item.key,
            Body=item.file.read_bytes(),
            ContentType=item.content_type,
            # A browser asks again each time, so logging out is seen at once.
            CacheControl="private, no-cache",
        )


def empty(endpoint_url: str, bucket: str) -> int:
    """Delete everything in a bucket, and tell how much that was."""
    client = _client(endpoint_url)
    deleted = 0
    while found := client.list_objects_v2(Bucket=bucket, MaxKeys=_KEYS_AT_ONCE).get("Contents"):
        keys = [{"Key": one["Key"]} for one in found]
        client.delete_objects(Bucket=bucket, Delete={"Objects": keys, "Quiet": True})
        deleted += len(keys)
    return deleted


def _client(endpoint_url: str) -> Any:  # noqa: ANN401 - boto3's clients have no common type
    return boto3.client(
        "s3",
        endpoint_url=endpoint_url,
        region_name=REGION,
        aws_access_key_id=ACCESS_KEY_ID,
        aws_secret_access_key=SECRET_ACCESS_KEY,
        # No proxy of the environment stands between us and loopback. MiniStack checks SigV4 only.
        config=Config(signature_version="s3v4", s3={"addressing_style": "path"}, proxies={}),
    )
