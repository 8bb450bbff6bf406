"""The plainer stack, deployed: an API with a JWT authorizer in front of the same function."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import pytest

from tests.cdk.clouds import DeployedStack, running_stack
from tests.loopback_identity import AUDIENCE, IdentityProvider, identity_provider

pytestmark = [
    pytest.mark.ministack,
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.skipif(sys.platform != "linux", reason="tested where the emulator is"),
]

CONFIG = """
name = "plain"
delivery = "{delivery}"
[site]
retain_bucket = false
[issuer]
grants = "grants.toml"
oidc_issuer = "{issuer}"
token_audience = "{audience}"
[keys]
probes = 0
destroy = true
[functions]
for_this_machine = true
"""


@pytest.fixture(scope="module")
def provider() -> Iterator[IdentityProvider]:
    with identity_provider() as running:
        yield running


@pytest.fixture(scope="module")
def stack(provider: IdentityProvider) -> Iterator[DeployedStack]:
    told = {"issuer": provider.url, "audience": AUDIENCE}
    config = CONFIG.format(delivery="s3", **told)
    with running_stack("plain", config, strict=False) as deployed:
        yield deployed


def ask(stack: DeployedStack, token: str, path: str = "/images/a.jpg/url") -> httpx.Response:
    """Ask the API as its address says, at MiniStack's own."""
    host = urlsplit(stack.outputs["ApiUrl"]).hostname or ""
    headers = {"host": host, **({"authorization": f"Bearer {token}"} if token else {})}
    return stack.send("GET", stack.cdk.endpoint_url + path, headers)


def test_a_token_is_needed(stack: DeployedStack, provider: IdentityProvider) -> None:
    token = provider.token()
    assert ask(stack, "").status_code == 401
    assert ask(stack, token[:-8] + "AAAAAAAA").status_code == 401
    assert ask(stack, provider.token(aud="another")).status_code == 401
    assert ask(stack, token).status_code == 200


def test_the_url_opens_one_object_of_a_private_bucket(
    stack: DeployedStack, provider: IdentityProvider
) -> None:
    bucket = stack.outputs["BucketName"]
    stack.client("s3").put_object(Bucket=bucket, Key="images/a.jpg", Body=b"picture")
    url = ask(stack, provider.token()).json()["url"]
    assert urlsplit(url).path == f"/{bucket}/images/a.jpg"
    assert stack.send("GET", url, {}).content == b"picture"
    assert stack.send("GET", url.partition("?")[0], {}).status_code == 403
    assert stack.send("GET", f"{url[:-4]}0000", {}).status_code == 403
    assert stack.send("GET", url.replace("a.jpg", "b.jpg"), {}).status_code == 403


@pytest.mark.last(1)
def test_the_files_stay_when_it_becomes_the_other_stack(
    stack: DeployedStack, provider: IdentityProvider
) -> None:
    bucket = stack.outputs["BucketName"]
    stack.client("s3").put_object(Bucket=bucket, Key="docs/a.txt", Body=b"kept")
    told = {"issuer": provider.url, "audience": AUDIENCE}
    stack.configure(CONFIG.format(delivery="cloudfront", **told))
    stack.deploy()
    assert stack.outputs["BucketName"] == bucket
    kept = stack.client("s3").get_object(Bucket=bucket, Key="docs/a.txt")
    assert kept["Body"].read() == b"kept"
    headers = {
        "x-issuer-token": provider.token(),
        "x-issuer-request": "1",
        "origin": stack.outputs["SiteUrl"],
    }
    answer = stack.ask("POST", "/auth/cookies", {**headers, "content-type": "application/json"})
    assert answer.json()["grants"] == ["docs"]
