"""A bucket that nobody reads but by the ways that a stack opens."""

from __future__ import annotations

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_s3 as s3
from constructs import Construct

from cdk.acknowledged import acknowledge

_DAYS_TO_FINISH_AN_UPLOAD = 7


def private_bucket(
    scope: Construct, construct_id: str, *, retain: bool, cors: list[s3.CorsRule] | None = None
) -> s3.Bucket:
    """Make a private bucket: no public access, no ACLs, TLS only, encrypted.

    Args:
        scope: Where it belongs.
        construct_id: Its name there.
        retain: Whether it outlives the stack, unless the stack's creation fails. A bucket with
            files in it is never deleted.
        cors: For scripts that fetch from the bucket itself.
    """
    bucket = s3.Bucket(
        scope,
        construct_id,
        block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
        object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
        encryption=s3.BucketEncryption.S3_MANAGED,
        enforce_ssl=True,
        minimum_tls_version=1.2,
        removal_policy=kept(retain),
        cors=cors,
        lifecycle_rules=[
            s3.LifecycleRule(
                abort_incomplete_multipart_upload_after=Duration.days(_DAYS_TO_FINISH_AN_UPLOAD)
            )
        ],
    )
    acknowledge(
        bucket,
        "AwsSolutions-S1",
        "Whoever gives out access to it logs each request; a trail can have its data events.",
    )
    return bucket


def kept(retain: bool) -> RemovalPolicy:  # noqa: FBT001 - the one thing that is asked
    """Return what becomes of a resource with its stack; where that fails to begin, it goes."""
    return RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE if retain else RemovalPolicy.DESTROY
