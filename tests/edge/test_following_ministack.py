"""The edge follows a distribution in MiniStack through a change of its key group."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from signer import Issuer, PrivateKey
from signer.edge import (
    CloudFrontApi,
    EdgeApp,
    EdgeLocation,
    FolderOrigin,
    LocalSettings,
    Locations,
    S3Origin,
)
from signer.edge.cloudfront_headers import response_headers_of
from signer.edge.managed_policies import COOKIES, RESPONSE_HEADERS
from signer.errors import RemoteError
from tests.edge.followed import Clock
from tests.edge.serving import Answer, ask
from tests.edge.told_cloudfront import behavior, custom, items, s3
from tests.ministack_cloud import ROOT_KEY, Cloud, running_cloud

pytestmark = [
    pytest.mark.ministack,
    pytest.mark.slow,
]

# AWS's own policies. AWS pages: "Use managed cache policies", "Use managed origin request policies",
# "Use managed response headers policies".
CACHING_DISABLED = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
ALL_VIEWER = "216adef6-5c7f-47e4-b989-5492eafa07d3"
SECURITY_HEADERS = "67f7725c-6f97-4210-82d7-5512b31e9d03"
ECHO = "def handler(event, context):\n    return event\n"
LOCATIONS = [EdgeLocation("near"), EdgeLocation("far", 20)]


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    with running_cloud() as running:
        yield running


@dataclass
class Deployed:
    """A distribution with a private default behavior and public assets, and its key group."""

    client: Any
    distribution_id: str
    group_id: str
    issuers: list[Issuer]

    def trust(self, *issuers: Issuer) -> None:
        group = self.client.get_key_group(Id=self.group_id)
        config = group["KeyGroup"]["KeyGroupConfig"]
        config["Items"] = [issuer.key_pair_id for issuer in issuers]
        self.client.update_key_group(Id=self.group_id, KeyGroupConfig=config, IfMatch=group["ETag"])


@pytest.fixture
def deployed(cloud: Cloud, p256_key: PrivateKey, rsa_key: PrivateKey) -> Deployed:
    client = cloud.client("cloudfront")
    issuers = [Issuer(key, key_pair_id=uploaded(client, key)) for key in (p256_key, rsa_key)]
    group = client.create_key_group(
        KeyGroupConfig={"Name": f"viewers-{uuid4()}", "Items": [issuers[0].key_pair_id]}
    )
    group_id = group["KeyGroup"]["Id"]
    made = client.create_distribution(
        DistributionConfig={
            "CallerReference": str(uuid4()),
            "Comment": "",
            "Enabled": True,
            "DefaultRootObject": "a.txt",
            "Origins": items(s3("films.s3.eu-central-1.amazonaws.com")),
            "DefaultCacheBehavior": behavior("media", group_id, CachePolicyId=CACHING_DISABLED),
            "CacheBehaviors": items(
                behavior(
                    PathPattern="/assets/*",
                    CachePolicyId=CACHING_DISABLED,
                    OriginRequestPolicyId=ALL_VIEWER,
                )
            ),
        }
    )
    return Deployed(client, made["Distribution"]["Id"], group_id, issuers)


def uploaded(client: Any, key: PrivateKey) -> str:  # noqa: ANN401 - boto3's clients have no common type
    name = f"key-{uuid4()}"
    pem = key.public_key().to_pem()
    config = {"CallerReference": name, "Name": name, "EncodedKey": pem}
    made: str = client.create_public_key(PublicKeyConfig=config)["PublicKey"]["Id"]
    return made


@pytest.fixture
def media(tmp_path: Path) -> Path:
    (tmp_path / "assets").mkdir()
    for name in ("a.txt", "assets/b.txt"):
        (tmp_path / name).write_text("hello")
    return tmp_path


def test_a_new_key_works_where_the_change_has_arrived(deployed: Deployed, media: Path) -> None:
    old, new = deployed.issuers
    clock = Clock()
    api = CloudFrontApi(
        deployed.client,
        deployed.distribution_id,
        LocalSettings(origins={"media": FolderOrigin(media)}, domain_names=("edge.test",)),
    )
    locations = Locations(api.read, LOCATIONS, clock=clock)
    app = EdgeApp(locations)

    def answers(issuer: Issuer, path: str = "/a.txt") -> list[int]:
        url = issuer.signed_url(f"http://edge.test{path}", expires_in=timedelta(hours=1))
        return [asked(app, path, url.partition("?")[2], where).status for where in ("near", "far")]

    assert asyncio.run(locations.refresh()) == 1
    assert (answers(old), answers(new)) == ([200, 200], [403, 403])
    assert asked(app, "/a.txt", "", "far").status == 403
    assert asked(app, "/assets/b.txt", "", "far").status == 200

    deployed.trust(old, new)
    assert asyncio.run(locations.refresh()) == 2
    assert (answers(old), answers(new)) == ([200, 200], [200, 403])
    clock.now += 20
    assert (answers(old), answers(new)) == ([200, 200], [200, 200])

    deployed.trust(new)
    assert asyncio.run(locations.refresh()) == 3
    assert (answers(old), answers(new)) == ([403, 200], [200, 200])
    clock.now += 20
    assert (answers(old), answers(new)) == ([403, 403], [200, 200])
    # Nothing was changed: no new version.
    assert asyncio.run(locations.refresh()) == 3


def test_what_a_real_client_tells_is_understood(deployed: Deployed) -> None:
    site = CloudFrontApi(deployed.client, deployed.distribution_id).read()
    assert site.origins == {"media": S3Origin("films", region="eu-central-1")}
    assert [one.path_pattern for one in site.behaviors] == ["/assets/*"]
    assert site.behaviors[0].forward_cookies
    assert not site.default_behavior.forward_cookies
    assert site.default_root_object == "a.txt"
    assert site.domain_names[-2:] == ("localhost", "127.0.0.1")


def test_a_distribution_that_is_not_there(deployed: Deployed) -> None:
    with pytest.raises(RemoteError) as caught:
        CloudFrontApi(deployed.client, "ENOTHERE").read()
    assert caught.value.code == "cloudfront_missing"


def test_aws_own_policies_are_what_a_cloudfront_says(cloud: Cloud) -> None:
    client = cloud.client("cloudfront")
    for policy_id, settings in RESPONSE_HEADERS.items():
        told = client.get_response_headers_policy(Id=policy_id)["ResponseHeadersPolicy"]
        config = told["ResponseHeadersPolicyConfig"]
        assert response_headers_of(settings) == response_headers_of(config), config["Name"]
    said = {}
    for kind, listed in (
        ("CachePolicy", client.list_cache_policies),
        ("OriginRequestPolicy", client.list_origin_request_policies),
    ):
        for item in listed(Type="managed")[f"{kind}List"]["Items"]:
            config = item[kind][f"{kind}Config"]
            inner = config.get("ParametersInCacheKeyAndForwardedToOrigin", config)
            said[item[kind]["Id"]] = inner["CookiesConfig"]["CookieBehavior"]
    assert said == dict(COOKIES)


@pytest.mark.skipif(sys.platform == "win32", reason="MiniStack starts functions with a shell")
def test_a_function_behind_its_url_is_asked_with_signed_requests(
    cloud: Cloud, tmp_path: Path
) -> None:
    (tmp_path / "echo.py").write_text(ECHO)
    function = cloud.deploy("echo", tmp_path, {}, [], handler="echo.handler")
    configured = function.client.get_function_url_config(FunctionName="echo")
    host = configured["FunctionUrl"].removeprefix("https://").rstrip("/")
    client = cloud.client("cloudfront")
    origin = custom(DomainName=host, OriginAccessControlId="E1", ConnectionTimeout=10)
    made = client.create_distribution(
        DistributionConfig={
            "CallerReference": str(uuid4()),
            "Comment": "",
            "Enabled": True,
            "Origins": items(origin),
            "DefaultCacheBehavior": behavior(
                CachePolicyId=CACHING_DISABLED,
                OriginRequestPolicyId=ALL_VIEWER,
                ResponseHeadersPolicyId=SECURITY_HEADERS,
            ),
        }
    )
    app = EdgeApp(
        CloudFrontApi(
            client,
            made["Distribution"]["Id"],
            LocalSettings(
                domain_names=("edge.test",),
                lambda_endpoint_url=cloud.endpoint_url,
                access_key_id=ROOT_KEY["AWS_ACCESS_KEY_ID"],
                secret_access_key=ROOT_KEY["AWS_SECRET_ACCESS_KEY"],
            ),
        ).read()
    )
    answer = ask(
        app,
        "/auth/a%20b",
        "return_to=a+b%2F&x~y=%7e",
        headers=[(b"authorization", b"Bearer forged"), (b"cookie", b"a=1")],
    )
    assert answer.status == 200, answer.body
    event = json.loads(answer.body)
    assert event["queryStringParameters"] == {"return_to": "a b/", "x~y": "~"}
    assert event["headers"]["host"] == event["requestContext"]["domainName"] == host
    assert "forged" not in event["headers"]["authorization"]
    assert answer.header("x-frame-options") == "SAMEORIGIN"


@pytest.mark.skipif(sys.platform == "win32", reason="signals to a child differ on Windows")
def test_the_command_follows_a_distribution(
    cloud: Cloud, deployed: Deployed, media: Path, tmp_path: Path
) -> None:
    config = tmp_path / "site.toml"
    config.write_text(f"[origins.media]\ntype = 'folder'\npath = '{media}'\n")
    command = f"edge --config {config} --distribution {deployed.distribution_id} --cloudfront"
    command += f" {cloud.endpoint_url} --location near=0 --location far=1h --listen 0"
    environment = {**os.environ, **ROOT_KEY, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(
        [sys.executable, "-m", "signer", *command.split(), "--inspector-port", "0", "--json"],
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    ) as process:
        try:
            assert process.stdout is not None
            told = json.loads(process.stdout.readline())
            old, new = deployed.issuers
            deployed.trust(new)
            progress: dict[str, Any] = {"newest": 1}
            while progress["newest"] == 1:
                progress = httpx.get(f"{told['inspector_url']}/locations").json()
            statuses = {
                (name, where): httpx.get(
                    issuer.signed_url(f"{told['url']}/a.txt", expires_in=timedelta(hours=1)),
                    headers={"x-edge-location": where},
                ).status_code
                for name, issuer in (("old", old), ("new", new))
                for where in ("near", "far")
            }
            process.send_signal(signal.SIGINT)
            assert process.wait(15) == 0
        finally:
            process.kill()
    assert told["locations"] == ["near", "far"]
    assert statuses == {
        ("old", "near"): 403,
        ("old", "far"): 200,
        ("new", "near"): 200,
        ("new", "far"): 403,
    }


def asked(app: EdgeApp, path: str, query: str, location: str) -> Answer:
    return ask(app, path, query, headers=[(b"x-edge-location", location.encode())])
