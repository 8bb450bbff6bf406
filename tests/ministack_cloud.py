"""MiniStack with more of AWS than the demo needs, and a Lambda function deployed in it."""

from __future__ import annotations

import contextlib
import io
import json
import sys
import zipfile
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import httpx
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials

from signer.dev import ministack
from signer.dev.environment import ready_environment

ROOT_KEY = {
    "AWS_ACCESS_KEY_ID": ministack.ACCESS_KEY_ID,
    "AWS_SECRET_ACCESS_KEY": ministack.SECRET_ACCESS_KEY,
    "AWS_REGION": ministack.REGION,
}

_SERVICES = "cloudformation,cloudfront,dynamodb,iam,kms,lambda,logs,s3,secretsmanager,ssm,sts"
# MiniStack runs what it finds in the zip, as the runtime provided.al2023 does: AWS's own runtime
# client, with the interpreter and packages of these tests.
_BOOTSTRAP = """#!/bin/sh
cd "$LAMBDA_TASK_ROOT"
exec "{python}" -m awslambdaric "$_HANDLER"
"""


@dataclass(frozen=True)
class Cloud:
    """A MiniStack that checks every request's signature and permissions."""

    endpoint_url: str

    def client(self, service: str) -> Any:  # noqa: ANN401 - boto3's clients have no common type
        """Return a client with the rights of the account's root."""
        return boto3.client(
            service,  # type: ignore[call-overload]
            endpoint_url=self.endpoint_url,
            region_name=ministack.REGION,
            aws_access_key_id=ministack.ACCESS_KEY_ID,
            aws_secret_access_key=ministack.SECRET_ACCESS_KEY,
            config=Config(proxies={}, retries={"total_max_attempts": 1}),
        )

    def deploy(
        self,
        name: str,
        asset: Path,
        environment: Mapping[str, str],
        actions: Collection[str],
        *,
        handler: str = "issue.handler",
        seconds: int = 20,
    ) -> Function:
        """Create a function with a role that may do this and nothing else, and its Function URL."""
        role = self._role(name, actions)
        functions = self.client("lambda")
        functions.create_function(
            FunctionName=name,
            Runtime="provided.al2023",
            Handler=handler,
            Role=role,
            Code={"ZipFile": _zipped(asset)},
            Timeout=seconds,
            Environment={"Variables": {**environment, "AWS_ENDPOINT_URL": self.endpoint_url}},
        )
        made = functions.create_function_url_config(FunctionName=name, AuthType="AWS_IAM")
        url_id = made["FunctionUrl"].partition("//")[2].partition(".")[0]
        return Function(f"{self.endpoint_url}/_aws/lambda-url/{url_id}", name, functions)

    def _role(self, name: str, actions: Collection[str]) -> str:
        iam = self.client("iam")
        trust = {"Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=_policy(trust))
        if actions:
            allowed = {"Action": sorted(actions), "Resource": "*"}
            iam.put_role_policy(
                RoleName=name, PolicyName="reads-and-signs", PolicyDocument=_policy(allowed)
            )
        arn: str = role["Role"]["Arn"]
        return arn


@dataclass(frozen=True)
class Function:
    """A function, and its URL with auth type AWS_IAM."""

    url: str
    name: str
    client: Any

    def invoke(self, event: object) -> tuple[bool, Any]:
        """Pass an event as AWS's own services do; tell whether it went well, and what came of it."""
        payload = json.dumps(event).encode()
        answer = self.client.invoke(FunctionName=self.name, Payload=payload)
        return "FunctionError" not in answer, json.loads(answer["Payload"].read())

    def post(self, path: str, headers: Mapping[str, str], *, signed: bool = True) -> httpx.Response:
        """Send ``{}`` as origin access control does: signed with SigV4."""
        body = b"{}"
        request = AWSRequest(
            "POST",
            self.url + path,
            data=body,
            headers={**headers, "content-type": "application/json"},
        )
        if signed:
            key = Credentials(ministack.ACCESS_KEY_ID, ministack.SECRET_ACCESS_KEY)
            SigV4Auth(key, "lambda", ministack.REGION).add_auth(request)
        sent = {name: str(value) for name, value in request.headers.items()}
        return httpx.post(self.url + path, content=body, headers=sent, trust_env=False, timeout=40)


@contextlib.contextmanager
def running_cloud() -> Iterator[Cloud]:
    """Run MiniStack until the block ends."""
    python = ready_environment(print)
    with ministack.running_ministack(python, services=_SERVICES) as running:
        yield Cloud(running.endpoint_url)


def _policy(statement: Mapping[str, object]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]})


def _zipped(asset: Path) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        bootstrap = zipfile.ZipInfo("bootstrap")
        bootstrap.external_attr = 0o755 << 16
        archive.writestr(bootstrap, _BOOTSTRAP.format(python=sys.executable))
        for file in sorted(asset.rglob("*")):
            archive.write(file, file.relative_to(asset))
    return data.getvalue()
