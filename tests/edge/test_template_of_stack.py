"""Every configuration of our own stack is one that the edge serves, from the template alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from signer import PrivateKey
from signer.edge import (
    Distribution,
    FunctionUrlOrigin,
    HttpOrigin,
    LocalSettings,
    S3Origin,
    TemplateSettings,
    read_template,
)
from tests.cdk.stages import ISSUERS, STAGES, stage
from tests.cdk.templates import behaviors, of_type
from tests.edge.serving import KEY_PAIR_ID

RING = "Custom::SigningKeyRing"


def read(folder: Path, key: PrivateKey, template: dict[str, Any]) -> Distribution:
    (bucket,) = of_type(template, "AWS::S3::Bucket")
    values = {bucket: "films"}
    for url in of_type(template, "AWS::Lambda::Url"):
        values[f"{url}.FunctionUrl"] = "https://abc.lambda-url.us-east-1.on.aws/"
    for api in of_type(template, "AWS::ApiGatewayV2::Api"):
        values[api] = "abc"
    file = folder / "site.template.json"
    file.write_text(json.dumps(template))
    keys = {KEY_PAIR_ID: key.public_key()}
    without = LocalSettings(lambda_endpoint_url="http://127.0.0.1:4566")
    return read_template(file, TemplateSettings(local=without, keys=keys, values=values))


@pytest.mark.parametrize("name", STAGES)
def test_every_stage_is_served(tmp_path: Path, p256_key: PrivateKey, name: str) -> None:
    template = stage(name)
    site = read(tmp_path, p256_key, template)
    (ring,) = of_type(template, RING)
    there = {one.path_pattern: one for one in (*site.behaviors, site.default_behavior)}
    assert list(there) == list(behaviors(template))
    for pattern, told in behaviors(template).items():
        trusted = (ring,) if told.get("TrustedKeyGroups") else ()
        assert there[pattern].trusted_key_groups == trusted
        assert (there[pattern].response_headers is not None) is (pattern not in ISSUERS)
    files, issuer = site.origins[there["*"].origin], site.origins[there["/auth/*"].origin]
    assert files == S3Origin("films")
    if name == "http api":
        assert issuer == HttpOrigin("https://abc.execute-api.us-east-1.amazonaws.com")
    else:
        assert isinstance(issuer, FunctionUrlOrigin)
        assert issuer.origin_access_control
    assert there["/auth/*"].forward_cookies
    assert not there["*"].forward_cookies


def test_other_sites_may_read_with_their_viewers_cookies(
    tmp_path: Path, p256_key: PrivateKey
) -> None:
    policy = read(tmp_path, p256_key, stage("cross-site")).default_behavior.response_headers
    assert policy is not None
    assert policy.cors is not None
    told = dict(policy.cors.headers_for("https://app.example.com", preflight=False))
    assert told["access-control-allow-origin"] == "https://app.example.com"
    assert told["access-control-allow-credentials"] == "true"
    assert policy.cors.headers_for("https://other.example.com", preflight=False) == []
