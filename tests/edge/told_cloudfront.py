"""A client of CloudFront that answers as boto3 does, with what a test put into it."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from signer import PrivateKey
from signer.edge import CloudFrontApi, Distribution, FolderOrigin, LocalSettings
from signer.errors import SignerError

KEY_PAIR_ID, GROUP_ID = "K2JCJMDEHXQW5F", "d7f0a9b2-0000-4000-8000-000000000000"
FOLDER = FolderOrigin(Path())


def items(*given: object) -> dict[str, Any]:
    """A list as CloudFront writes it: without Items when it is empty."""
    return {"Quantity": len(given), **({"Items": list(given)} if given else {})}


def behavior(origin: str = "media", *groups: str, **more: object) -> dict[str, Any]:
    return {
        "TargetOriginId": origin,
        "TrustedSigners": {"Enabled": False, **items()},
        "TrustedKeyGroups": {"Enabled": bool(groups), **items(*groups)},
        "ViewerProtocolPolicy": "redirect-to-https",
        "AllowedMethods": {**items("HEAD", "GET"), "CachedMethods": items("HEAD", "GET")},
        **more,
    }


def s3(domain: str, **more: object) -> dict[str, Any]:
    config = {"OriginAccessIdentity": ""}
    return {"Id": "media", "DomainName": domain, "OriginPath": "", "S3OriginConfig": config, **more}


def custom(protocol: str = "https-only", **more: object) -> dict[str, Any]:
    return {
        "Id": "media",
        "DomainName": "backend.example.com",
        "OriginPath": "",
        "CustomHeaders": items(),
        "CustomOriginConfig": {
            "HTTPPort": 80,
            "HTTPSPort": 443,
            "OriginProtocolPolicy": protocol,
            "OriginReadTimeout": 20,
        },
        "ConnectionTimeout": 5,
        **more,
    }


class Client:
    """Knows one distribution, one key group and one key."""

    def __init__(self, key: PrivateKey) -> None:
        self.calls: list[tuple[str, str]] = []
        self.failures: dict[str, Exception] = {}
        self.pem = key.public_key().to_pem()
        self.group = {"Name": "viewers", "Items": [KEY_PAIR_ID]}
        self.cookies = "none"
        self.headers: dict[str, Any] = {}
        self.distribution: dict[str, Any] = {
            "Id": "E1",
            "DomainName": "D111111ABCDEF8.cloudfront.net",
            "DistributionConfig": {
                "Aliases": items("CDN.example.com"),
                "DefaultRootObject": "index.html",
                "Origins": items(s3("films.s3.eu-central-1.amazonaws.com")),
                "DefaultCacheBehavior": behavior("media", GROUP_ID),
                "CacheBehaviors": items(behavior(PathPattern="/assets/*")),
            },
        }

    @property
    def config(self) -> dict[str, Any]:
        config: dict[str, Any] = self.distribution["DistributionConfig"]
        return config

    def origin(self, told: Mapping[str, Any]) -> None:
        self.config["Origins"] = items(told)

    def get_distribution(self, *, Id: str) -> dict[str, Any]:  # noqa: N803 - boto3's name
        return self._answer("GetDistribution", Id, {"Distribution": self.distribution})

    def get_key_group(self, *, Id: str) -> dict[str, Any]:  # noqa: N803 - boto3's name
        return self._answer("GetKeyGroup", Id, {"KeyGroup": {"KeyGroupConfig": self.group}})

    def get_public_key(self, *, Id: str) -> dict[str, Any]:  # noqa: N803 - boto3's name
        config = {"EncodedKey": self.pem}
        return self._answer("GetPublicKey", Id, {"PublicKey": {"PublicKeyConfig": config}})

    def get_cache_policy(self, *, Id: str) -> dict[str, Any]:  # noqa: N803 - boto3's name
        parameters = {"CookiesConfig": {"CookieBehavior": self.cookies}}
        config = {"ParametersInCacheKeyAndForwardedToOrigin": parameters}
        return self._answer("GetCachePolicy", Id, {"CachePolicy": {"CachePolicyConfig": config}})

    def get_origin_request_policy(self, *, Id: str) -> dict[str, Any]:  # noqa: N803 - boto3's name
        config = {"CookiesConfig": {"CookieBehavior": self.cookies}}
        answer = {"OriginRequestPolicy": {"OriginRequestPolicyConfig": config}}
        return self._answer("GetOriginRequestPolicy", Id, answer)

    def get_response_headers_policy(self, *, Id: str) -> dict[str, Any]:  # noqa: N803 - boto3's name
        answer = {"ResponseHeadersPolicy": {"ResponseHeadersPolicyConfig": self.headers}}
        return self._answer("GetResponseHeadersPolicy", Id, answer)

    def _answer(self, operation: str, name: str, answer: dict[str, Any]) -> dict[str, Any]:
        self.calls.append((operation, name))
        if operation in self.failures:
            raise self.failures[operation]
        return copy.deepcopy(answer)


def read(client: Client, **local: Any) -> Distribution:  # noqa: ANN401 - whatever the class takes
    return CloudFrontApi(client, "E1", LocalSettings(**local)).read()


def refused(client: Client, **local: Any) -> SignerError:  # noqa: ANN401 - whatever the class takes
    with pytest.raises(SignerError) as caught:
        read(client, **local)
    return caught.value
