"""An AWS on this machine with our stack deployed in it by the CDK's own command line."""

from __future__ import annotations

import contextlib
import json
import ssl
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import httpx
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials

from signer.dev.deployed_keys import start_anew
from signer.dev.deployment import Cdk, Outputs
from signer.dev.environment import ready_environment
from signer.dev.ministack import (
    ACCESS_KEY_ID,
    REGION,
    SECRET_ACCESS_KEY,
    STACK_SERVICES,
    running_ministack,
)
from tests.tls import make_tls

GRANTS = """
version = 1
[[grants]]
name = "docs"
path = "/docs/*"
ttl = "15m"
[[grants]]
name = "images"
path = "/images/*"
ttl = "15m"
transport = "urls"
"""


@dataclass
class DeployedStack:
    """A stack, and the account that it is in.

    Attributes:
        cdk: What deployed it.
        outputs: What it said last.
        name: Its name.
    """

    cdk: Cdk
    name: str
    outputs: Outputs = field(default_factory=Outputs)

    def client(self, service: str, **credentials: str) -> Any:  # noqa: ANN401 - boto3's
        """Return a client, with the rights of the account's root unless others are given."""
        rights = {
            "aws_access_key_id": ACCESS_KEY_ID,
            "aws_secret_access_key": SECRET_ACCESS_KEY,
            **credentials,
        }
        return boto3.client(
            service,  # type: ignore[call-overload]
            endpoint_url=self.cdk.endpoint_url,
            region_name=REGION,
            verify=str(self.cdk.ca) if self.cdk.ca else None,
            config=Config(
                proxies={}, retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}
            ),
            **rights,
        )

    def configure(self, text: str) -> None:
        """Change the configuration; the next synthesis uses it."""
        self.cdk.config.write_text(text, encoding="utf-8")

    def deploy(self, *arguments: str) -> None:
        """Synthesize and deploy what is configured."""
        self.cdk.synth()
        self.outputs = self.cdk.deploy(*arguments)

    def invoke(self, output: str, event: object) -> tuple[bool, Any]:
        """Invoke the function that an output names; tell whether it went well, and its answer."""
        answer = self.client("lambda").invoke(
            FunctionName=self.outputs[output], Payload=json.dumps(event).encode()
        )
        return "FunctionError" not in answer, json.loads(answer["Payload"].read())

    def tick(self) -> dict[str, Any]:
        """Do one tick of the rotation."""
        went_well, told = self.invoke("TickFunction", {})
        assert went_well, told
        found: dict[str, Any] = told
        return found

    def start_issuer_anew(self) -> None:
        """Let the next request begin with a new copy of the function, which has read nothing."""
        start_anew(self.client("lambda"), self.outputs["IssuerFunction"])

    def ask(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str] | None = None,
        *,
        signed: bool = True,
    ) -> httpx.Response:
        """Ask the issuer at its Function URL, signed as origin access control does, or not."""
        functions = self.client("lambda")
        url = functions.get_function_url_config(FunctionName=self.outputs["IssuerFunction"])
        host = urlsplit(url["FunctionUrl"]).hostname or ""
        address = f"{self.cdk.endpoint_url}/_aws/lambda-url/{host.partition('.')[0]}{path}"
        body = b"{}" if method == "POST" else b""
        request = AWSRequest(method, address, data=body, headers=dict(headers or {}))
        if signed:
            SigV4Auth(Credentials(ACCESS_KEY_ID, SECRET_ACCESS_KEY), "lambda", REGION).add_auth(
                request
            )
        return self.send(method, address, dict(request.headers.items()), body)

    def send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes = b""
    ) -> httpx.Response:
        """Send a request as it is."""
        with httpx.Client(verify=self._trust(), trust_env=False, timeout=40) as client:
            return client.request(method, url, headers=dict(headers), content=body)

    def _trust(self) -> Any:  # noqa: ANN401 - what httpx takes

        return ssl.create_default_context(cafile=self.cdk.ca) if self.cdk.ca else True

    def issuer_memory(self) -> int:
        """Return how many megabytes the issuer's function has."""
        functions = self.client("lambda")
        name = self.outputs["IssuerFunction"]
        found: int = functions.get_function_configuration(FunctionName=name)["MemorySize"]
        return found

    def members(self) -> list[str]:
        """Return the key pair ids in the key group."""
        group = self.client("cloudfront").get_key_group(Id=self.outputs["KeyGroupId"])
        found: list[str] = group["KeyGroup"]["KeyGroupConfig"]["Items"]
        return found


@contextlib.contextmanager
def running_stack(name: str, config: str, *, strict: bool) -> Iterator[DeployedStack]:
    """Deploy a configuration to a MiniStack of its own.

    Args:
        name: Of the stack, as in the configuration.
        config: The configuration.
        strict: Speak TLS, so that policies which want it see it. Permissions are always checked.
    """
    with tempfile.TemporaryDirectory(prefix="signer-test-stack-") as made:
        folder = Path(made)
        tls = make_tls(folder) if strict else None
        (folder / "grants.toml").write_text(GRANTS, encoding="utf-8")
        file = folder / "stack.toml"
        python = ready_environment(print)
        with running_ministack(python, services=STACK_SERVICES, tls=tls) as ministack:
            cdk = Cdk(
                endpoint_url=ministack.endpoint_url,
                config=file,
                folder=folder,
                ca=tls.ca if tls else None,
            )
            stack = DeployedStack(cdk, name)
            stack.configure(config)
            stack.outputs = cdk.begin()
            yield stack
