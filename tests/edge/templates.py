"""A template with one distribution, and ways to change it."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from signer import PrivateKey
from signer.edge import Distribution, TemplateSettings, read_template
from signer.errors import SignerError

KEY_PAIR_ID = "K2JCJMDEHXQW5F"
CACHING_OPTIMIZED = "658327ea-f89d-4fab-a63d-7e88639e58f6"
ALL_BUT_HOST = "b689b0a8-53d0-40ab-baf2-68738e2966ac"
ALL_METHODS = ["GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"]
URL_DOMAIN = {"Fn::Select": [2, {"Fn::Split": ["/", {"Fn::GetAtt": ["IssuerUrl", "FunctionUrl"]}]}]}
VALUES = {
    "Bucket": "films",
    "IssuerUrl.FunctionUrl": "https://abc.lambda-url.us-east-1.on.aws/",
}
_TEMPLATE: dict[str, Any] = {
    "Parameters": {"Stage": {"Type": "String", "Default": "test"}},
    "Resources": {
        "Bucket": {"Type": "AWS::S3::Bucket"},
        "IssuerUrl": {"Type": "AWS::Lambda::Url"},
        "Ring": {"Type": "Custom::SigningKeyRing"},
        "Control": {
            "Type": "AWS::CloudFront::OriginAccessControl",
            "Properties": {"OriginAccessControlConfig": {"SigningBehavior": "always"}},
        },
        "Headers": {
            "Type": "AWS::CloudFront::ResponseHeadersPolicy",
            "Properties": {
                "ResponseHeadersPolicyConfig": {
                    "Name": {"Fn::Sub": "${AWS::StackName}-headers"},
                    "SecurityHeadersConfig": {"ContentTypeOptions": {"Override": True}},
                }
            },
        },
        "Site": {
            "Type": "AWS::CloudFront::Distribution",
            "Properties": {
                "DistributionConfig": {
                    "Enabled": True,
                    "DefaultRootObject": "index.html",
                    "Aliases": ["CDN.example.com"],
                    "DefaultCacheBehavior": {
                        "TargetOriginId": "files",
                        "CachePolicyId": CACHING_OPTIMIZED,
                        "ResponseHeadersPolicyId": {"Ref": "Headers"},
                        "TrustedKeyGroups": [{"Fn::GetAtt": ["Ring", "KeyGroupId"]}],
                        "ViewerProtocolPolicy": "redirect-to-https",
                    },
                    "CacheBehaviors": [
                        {
                            "PathPattern": "/auth/*",
                            "TargetOriginId": "issuer",
                            "AllowedMethods": ALL_METHODS,
                            "CachePolicyId": CACHING_OPTIMIZED,
                            "OriginRequestPolicyId": ALL_BUT_HOST,
                        },
                        {"PathPattern": "/public/*", "TargetOriginId": "files"},
                    ],
                    "Origins": [
                        {
                            "Id": "files",
                            "DomainName": {"Fn::GetAtt": ["Bucket", "RegionalDomainName"]},
                            "OriginAccessControlId": {"Fn::GetAtt": ["Control", "Id"]},
                            "S3OriginConfig": {"OriginAccessIdentity": ""},
                        },
                        {
                            "Id": "issuer",
                            "DomainName": URL_DOMAIN,
                            "OriginAccessControlId": {"Fn::GetAtt": ["Control", "Id"]},
                            "CustomOriginConfig": {"OriginProtocolPolicy": "https-only"},
                        },
                    ],
                }
            },
        },
    },
}


class Written:
    """A template, and where it is written."""

    def __init__(self, folder: Path, key: PrivateKey) -> None:
        self.path = folder / "site.template.json"
        self.template: dict[str, Any] = copy.deepcopy(_TEMPLATE)
        self.settings: dict[str, Any] = {
            "keys": {KEY_PAIR_ID: key.public_key()},
            "values": dict(VALUES),
        }

    @property
    def resources(self) -> dict[str, Any]:
        found: dict[str, Any] = self.template["Resources"]
        return found

    @property
    def config(self) -> dict[str, Any]:
        found: dict[str, Any] = self.resources["Site"]["Properties"]["DistributionConfig"]
        return found

    @property
    def default(self) -> dict[str, Any]:
        found: dict[str, Any] = self.config["DefaultCacheBehavior"]
        return found

    def read(self, logical_id: str | None = None, **settings: Any) -> Distribution:  # noqa: ANN401 - whatever the class takes
        self.path.write_text(json.dumps(self.template))
        merged = TemplateSettings(**{**self.settings, **settings})
        return read_template(self.path, merged, logical_id=logical_id)

    def refused(self, code: str, **settings: Any) -> SignerError:  # noqa: ANN401 - as above
        with pytest.raises(SignerError) as caught:
            self.read(**settings)
        assert caught.value.code == code, caught.value
        return caught.value
