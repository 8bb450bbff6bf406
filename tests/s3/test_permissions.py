"""The policies of docs/presigned.md, put in force in MiniStack: no action is missing, none is spare.

``s3:signatureAge`` in the bucket's policy is not among them: MiniStack does not know the condition.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest
from botocore.config import Config

from signer.dev.environment import ready_environment
from signer.dev.ministack import (
    ACCESS_KEY_ID,
    REGION,
    SECRET_ACCESS_KEY,
    MiniStack,
    running_ministack,
)
from signer.s3 import S3Issuer
from tests.s3.signing import BUCKET

pytestmark = pytest.mark.ministack

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "presigned.md").read_text(encoding="utf-8")
ROLE_POLICY, BUCKET_POLICY, CORS = map(
    json.loads, re.findall(r"^```json\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
)
TYPE = "image/png"


@pytest.fixture(scope="module")
def ministack() -> Iterator[MiniStack]:
    with running_ministack(ready_environment(print), services="s3,iam,sts") as running:
        yield running


def client(ministack: MiniStack, service: Any, **credentials: str) -> Any:  # noqa: ANN401 - boto3's
    given = {"aws_access_key_id": ACCESS_KEY_ID, "aws_secret_access_key": SECRET_ACCESS_KEY}
    made: Any = boto3.client
    return made(
        service,
        endpoint_url=ministack.endpoint_url,
        region_name=REGION,
        config=Config(signature_version="s3v4" if service == "s3" else None, proxies={}),
        **{**given, **credentials},
    )


@pytest.fixture(scope="module")
def bucket(ministack: MiniStack) -> MiniStack:
    s3 = client(ministack, "s3")
    s3.create_bucket(Bucket=BUCKET)
    for key in ("media/a.txt", "other/a.txt"):
        s3.put_object(Bucket=BUCKET, Key=key, Body=b"hello")
    s3.put_bucket_cors(Bucket=BUCKET, CORSConfiguration={"CORSRules": CORS})
    return ministack


def session(ministack: MiniStack, name: str, policy: dict[str, Any]) -> dict[str, str]:
    """Return the credentials of a role with one policy, as a function would have them."""
    iam = client(ministack, "iam")
    trust = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}],
    }
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]
    iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=json.dumps(policy))
    given = client(ministack, "sts").assume_role(RoleArn=role["Arn"], RoleSessionName="function")
    made = given["Credentials"]
    return {
        "aws_access_key_id": made["AccessKeyId"],
        "aws_secret_access_key": made["SecretAccessKey"],
        "aws_session_token": made["SessionToken"],
    }


def issuer(ministack: MiniStack, credentials: dict[str, str], prefix: str = "media") -> S3Issuer:
    return S3Issuer(
        BUCKET,
        prefix=prefix,
        client=client(ministack, "s3", **credentials),
        max_content_length=1000,
        content_types=[TYPE],
    )


def read(made: S3Issuer, key: str = "a.txt") -> int:
    return httpx.get(made.signed_url(key, expires_in=60), trust_env=False).status_code


def written(made: S3Issuer, key: str) -> int:
    signed = made.signed_upload(key, expires_in=60, content_type=TYPE, content_length=5)
    put = httpx.put(signed.url, headers=dict(signed.headers), content=b"12345", trust_env=False)
    return put.status_code


def without(action: str) -> dict[str, Any]:
    kept = [one for one in ROLE_POLICY["Statement"] if one["Action"] != action]
    assert len(kept) == 1
    return {**ROLE_POLICY, "Statement": kept}


def test_the_documented_policy_suffices_below_the_prefix(bucket: MiniStack) -> None:
    credentials = session(bucket, "whole", ROLE_POLICY)
    made = issuer(bucket, credentials)
    assert read(made) == 200
    assert written(made, "new.png") == 200
    assert written(made, "new.png") == 412
    other = issuer(bucket, credentials, "other")
    assert read(other) == 403
    assert written(other, "new.png") == 403


def test_without_get_object_nothing_is_read(bucket: MiniStack) -> None:
    made = issuer(bucket, session(bucket, "writer", without("s3:GetObject")))
    assert read(made) == 403
    assert written(made, "by-writer.png") == 200


def test_without_put_object_nothing_is_written(bucket: MiniStack) -> None:
    made = issuer(bucket, session(bucket, "reader", without("s3:PutObject")))
    assert read(made) == 200
    assert written(made, "by-reader.png") == 403


def test_taking_the_permission_away_ends_urls_that_are_out(bucket: MiniStack) -> None:
    url = issuer(bucket, session(bucket, "revoked", ROLE_POLICY)).signed_url("a.txt", expires_in=60)
    assert httpx.get(url, trust_env=False).status_code == 200
    client(bucket, "iam").delete_role_policy(RoleName="revoked", PolicyName="p")
    assert httpx.get(url, trust_env=False).status_code == 403


def test_the_session_token_is_part_of_the_url(bucket: MiniStack) -> None:
    credentials = session(bucket, "token", ROLE_POLICY)
    url = issuer(bucket, credentials).signed_url("a.txt", expires_in=60)
    name = "X-Amz-Security-Token="
    token = url.partition(name)[2].partition("&")[0]
    assert token
    for changed in (url.replace(f"&{name}{token}", ""), url.replace(token, f"{token}x")):
        assert httpx.get(changed, trust_env=False).status_code in {400, 403}


def test_the_bucket_policy_refuses_what_comes_without_tls(bucket: MiniStack) -> None:
    (statement,) = [one for one in BUCKET_POLICY["Statement"] if "Bool" in one["Condition"]]
    made = issuer(bucket, session(bucket, "plain", ROLE_POLICY))
    assert read(made) == 200
    s3 = client(bucket, "s3")
    policy = json.dumps({**BUCKET_POLICY, "Statement": [statement]})
    s3.put_bucket_policy(Bucket=BUCKET, Policy=policy)
    try:
        assert read(made) == 403
    finally:
        s3.delete_bucket_policy(Bucket=BUCKET)
    assert read(made) == 200


@pytest.mark.parametrize(
    ("origin", "method", "permitted"),
    [
        ("https://app.example.com", "PUT", True),
        ("https://app.example.com", "GET", True),
        ("https://app.example.com", "DELETE", False),
        ("https://evil.example", "PUT", False),
    ],
)
def test_preflights_by_the_documented_cors_rule(
    bucket: MiniStack, origin: str, method: str, permitted: bool
) -> None:
    url = f"{bucket.endpoint_url}/{BUCKET}/media/new.png"
    headers = {
        "origin": origin,
        "access-control-request-method": method,
        "access-control-request-headers": "content-type,if-none-match",
    }
    answer = httpx.options(url, headers=headers, trust_env=False)
    assert (answer.headers.get("access-control-allow-origin") == origin) is permitted
    assert (answer.status_code == 200) is permitted
