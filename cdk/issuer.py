"""The issuer: its function, what that may read, and the origin of ``/auth/*``."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from aws_cdk import Duration, RemovalPolicy, Stack
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_apigatewayv2_integrations as integrations
from aws_cdk import aws_cloudfront as cloudfront
from aws_cdk import aws_cloudfront_origins as origins
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from cdk.acknowledged import acknowledge
from cdk.api import add_stage
from cdk.config import IssuerSettings
from cdk.function import Function, Runs
from signer.service.settings import Settings

GRANTS_FILE: Final = "grants.toml"
_SECONDS: Final = 20
# 32 bytes in base64url without its padding: a key that seals sessions (docs/identity.md).
_SESSION_KEY_LENGTH: Final = 43
_VARIABLES: Final = MappingProxyType(
    {
        "SIGNER_OIDC_ISSUER": "oidc_issuer",
        "SIGNER_OIDC_CLIENT_ID": "oidc_client_id",
        "SIGNER_OIDC_SCOPES": "oidc_scopes",
        "SIGNER_OIDC_LOGOUT_URL": "oidc_logout_url",
        "SIGNER_TOKEN_AUDIENCE": "token_audience",
        "SIGNER_TOKEN_CLIENT_ID": "token_client_id",
        "SIGNER_SESSION_LIFETIME": "session_lifetime",
        "SIGNER_IMAGES_GRANT": "images_grant",
    }
)


class Issuer(Construct):
    """The function behind its Function URL, or an HTTP API.

    Args:
        scope: Where it belongs.
        construct_id: Its name there.
        code: The function, from :func:`cdk.bundling.code` with ``issue.py``.
        signing_secret: Its current version is the signing credential.
        base_url: Scheme and host that viewers see, or ``ssm:NAME`` of a parameter that says it
            later: the distribution, whose name it is, needs this function first.
        settings: What the team decides.
        runs: What the function runs on.

    Attributes:
        function: The function, its role and its log group.
        origin: Where a distribution sends ``/auth/*``.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        code: lambda_.Code,
        signing_secret: secretsmanager.ISecret,
        base_url: str,
        settings: IssuerSettings | None = None,
        runs: Runs | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        self._settings = settings = settings or IssuerSettings()
        self._runs = runs or Runs()
        self._readable: list[secretsmanager.ISecret] = []
        environment = {
            "SIGNER_BASE_URL": base_url,
            "SIGNER_CREDENTIAL": f"secretsmanager:{signing_secret.secret_arn}",
            **self._environment(),
        }
        # Now, and not when the function starts.
        later = {"SIGNER_BASE_URL": "https://later.example"} if base_url.startswith("ssm:") else {}
        Settings.from_environment({**environment, **later})
        self.function = Function(
            self,
            "Issue",
            code=code,
            handler="issue.handler",
            runs=self._runs,
            environment=environment,
            timeout=Duration.seconds(_SECONDS),
            memory=settings.memory,
            reserved_concurrency=settings.reserved_concurrency or None,
            snap_start=settings.snap_start,
        )
        self._permit(signing_secret, base_url)
        self.origin = self._http_api() if settings.front_end == "http_api" else self._url()

    def _environment(self) -> dict[str, str]:
        settings = self._settings
        told = {name: getattr(settings, ours) for name, ours in _VARIABLES.items()}
        if settings.oidc_client_id is not None:
            told["SIGNER_SESSION_KEYS"] = self._place(self._session_keys())
        if settings.oidc_client_secret_name is not None:
            secret = secretsmanager.Secret.from_secret_name_v2(
                self, "ClientSecret", settings.oidc_client_secret_name
            )
            self._readable.append(secret)
            told["SIGNER_OIDC_CLIENT_SECRET"] = f"secretsmanager:{settings.oidc_client_secret_name}"
        return {
            "SIGNER_GRANTS": f"file:{GRANTS_FILE}",
            "SIGNER_FRONT_END": settings.front_end,
            "SIGNER_ALLOWED_ORIGINS": ",".join(settings.allowed_origins),
            "SIGNER_CROSS_SITE_COOKIES": "true" if settings.cross_site_cookies else "false",
            "SIGNER_TRACING": "true" if settings.tracing else "false",
            **{name: value for name, value in told.items() if value is not None},
        }

    def _place(self, secret: secretsmanager.ISecret) -> str:
        self._readable.append(secret)
        return f"secretsmanager:{secret.secret_arn}"

    def _session_keys(self) -> secretsmanager.Secret:
        secret = secretsmanager.Secret(
            self,
            "SessionKeys",
            description="What seals sessions of viewers; docs/identity.md tells how to change it",
            generate_secret_string=secretsmanager.SecretStringGenerator(
                password_length=_SESSION_KEY_LENGTH, exclude_punctuation=True
            ),
            # Sessions end with their stack; viewers log in again.
            removal_policy=RemovalPolicy.DESTROY,
        )
        acknowledge(
            secret,
            "AwsSolutions-SMG4",
            "Replaced by hand, old and new side by side: docs/identity.md.",
        )
        return secret

    def _permit(self, signing_secret: secretsmanager.ISecret, base_url: str) -> None:
        role = self.function.role
        role.add_to_principal_policy(
            iam.PolicyStatement(
                sid="ReadCredential",
                actions=["secretsmanager:GetSecretValue"],
                resources=[signing_secret.secret_arn],
                # docs/custody.md, "Permissions": the current version, and no other one.
                conditions={
                    "Null": {"secretsmanager:VersionId": "true"},
                    "StringEqualsIfExists": {"secretsmanager:VersionStage": "AWSCURRENT"},
                },
            )
        )
        if self._readable:
            arns = [
                secret.secret_full_arn or f"{secret.secret_arn}-??????" for secret in self._readable
            ]
            role.add_to_principal_policy(
                iam.PolicyStatement(
                    sid="ReadSecrets", actions=["secretsmanager:GetSecretValue"], resources=arns
                )
            )
        kind, _, name = base_url.partition(":")
        if kind == "ssm":
            arn = Stack.of(self).format_arn(
                service="ssm", resource="parameter", resource_name=name.removeprefix("/")
            )
            role.add_to_principal_policy(
                iam.PolicyStatement(
                    sid="ReadBaseUrl", actions=["ssm:GetParameter"], resources=[arn]
                )
            )

    def _url(self) -> cloudfront.IOrigin:
        function: lambda_.IFunction = self.function.lambda_function
        if self._settings.snap_start:
            function = self.function.lambda_function.add_alias("live")
        url = function.add_function_url(auth_type=lambda_.FunctionUrlAuthType.AWS_IAM)
        return origins.FunctionUrlOrigin.with_origin_access_control(url)

    def _http_api(self) -> cloudfront.IOrigin:
        api = apigateway.HttpApi(
            self,
            "Api",
            api_name=f"{Stack.of(self).stack_name}-issuer",
            description="The issuer; meant to be asked through the distribution",
            create_default_stage=False,
            default_integration=integrations.HttpLambdaIntegration(
                "Function", self.function.lambda_function
            ),
        )
        add_stage(self, api, days=self._runs.log_days)
        acknowledge(api, "AwsSolutions-APIG4", "The function itself asks who it is, by route.")
        return origins.HttpOrigin(
            f"{api.api_id}.execute-api.{Stack.of(self).region}.{Stack.of(self).url_suffix}"
        )
