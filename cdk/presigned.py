"""The plainer set-up: S3 presigned URLs from the same issuer behind an API, and no CloudFront.

Bucket and issuer have the names that they have in :class:`~cdk.stack.SignedCdnStack`. So a stack
whose configuration changes to ``delivery = "cloudfront"`` keeps its bucket with all files in it.
"""

from __future__ import annotations

from typing import Any, Final, cast

from aws_cdk import CfnElement, CfnOutput, Duration, Stack
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_apigatewayv2_authorizers as authorizers
from aws_cdk import aws_apigatewayv2_integrations as integrations
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct

from cdk.api import add_stage
from cdk.bucket import private_bucket
from cdk.bundling import code
from cdk.config import Config
from cdk.function import Function, Runs, target_of
from cdk.issuer import GRANTS_FILE
from cdk.settings_file import wrong

ROUTES: Final = (
    ("GET", "/images/{filename}/url"),
    ("POST", "/auth/urls"),
    ("GET", "/auth/session"),
)
"""What the API answers, each to holders of a token only."""

_SECONDS: Final = 20
# docs/presigned.md: in milliseconds; what nobody signs is refused whoever signed it.
_OLDEST_SIGNATURE: Final = 3_600_000


class PresignedApiStack(Stack):
    """HTTP API with a JWT authorizer, the issuer's function, and a private bucket.

    Args:
        scope: The app.
        construct_id: The stack's name.
        config: What the team decides; needs ``oidc_issuer`` and ``token_audience``.
        stack_settings: As of every stack.

    Raises:
        ConfigurationError: ``stack_setting``: one that is needed is missing.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        config: Config,
        **stack_settings: Any,  # noqa: ANN401 - the CDK's own
    ) -> None:
        super().__init__(scope, construct_id, **stack_settings)
        self._config = config
        self.bucket = private_bucket(
            Construct(self, "Site"),
            "Bucket",
            retain=config.site.retain_bucket,
            cors=self._cors(),
        )
        self._bound_signatures()
        self.api = apigateway.HttpApi(
            self,
            "Api",
            api_name=f"{config.name}-presigned",
            description=f"{config.name}: presigned URLs",
            create_default_stage=False,
            cors_preflight=self._preflight(),
        )
        self.function = self._function()
        self._add_routes()
        told = {
            "ApiUrl": (self.api.api_endpoint, "What clients ask"),
            "BucketName": (self.bucket.bucket_name, "Where the private files go"),
        }
        for name, (value, description) in told.items():
            CfnOutput(self, name, value=value, description=description)

    def _cors(self) -> list[s3.CorsRule] | None:
        origins = self._origins
        if not origins:
            return None
        return [
            s3.CorsRule(
                allowed_origins=list(origins),
                allowed_methods=[s3.HttpMethods.GET, s3.HttpMethods.HEAD],
                allowed_headers=["Range"],
                exposed_headers=["ETag"],
                max_age=600,
            )
        ]

    @property
    def _origins(self) -> tuple[str, ...]:
        """Sites whose pages may ask the API, and fetch what it answers."""
        settings = self._config
        return tuple(dict.fromkeys((*settings.issuer.allowed_origins, *settings.site.cors_origins)))

    def _preflight(self) -> apigateway.CorsPreflightOptions | None:
        """Answer preflights, which every page sends: no page is on the API's own host."""
        if not self._origins:
            return None
        return apigateway.CorsPreflightOptions(
            allow_origins=list(self._origins),
            allow_methods=[apigateway.CorsHttpMethod.GET, apigateway.CorsHttpMethod.POST],
            allow_headers=["authorization", "content-type", "x-issuer-request", "x-issuer-token"],
            max_age=Duration.seconds(600),
        )

    def _bound_signatures(self) -> None:
        self.bucket.add_to_resource_policy(
            iam.PolicyStatement(
                sid="NoOldSignatures",
                effect=iam.Effect.DENY,
                principals=[iam.AnyPrincipal()],
                actions=["s3:*"],
                resources=[self.bucket.arn_for_objects("*")],
                conditions={"NumericGreaterThan": {"s3:signatureAge": str(_OLDEST_SIGNATURE)}},
            )
        )

    def _function(self) -> Function:
        config, settings = self._config, self._config.issuer
        function = Function(
            Construct(self, "Issuer"),
            "Issue",
            code=code(
                "issue.py",
                target=target_of(config.functions),
                files={GRANTS_FILE: settings.grants},
            ),
            handler="issue.handler",
            environment={
                # The host of the grants' addresses; S3's own are what clients get.
                "SIGNER_BASE_URL": self.api.api_endpoint,
                "SIGNER_FRONT_END": "http_api",
                "SIGNER_DELIVERY": "s3",
                "SIGNER_BUCKET": self.bucket.bucket_name,
                "SIGNER_GRANTS": f"file:{GRANTS_FILE}",
                "SIGNER_OIDC_ISSUER": self._needed("oidc_issuer"),
                **self._tokens(),
                "SIGNER_IMAGES_GRANT": settings.images_grant or "images",
                "SIGNER_ALLOWED_ORIGINS": ",".join(self._origins),
            },
            timeout=Duration.seconds(_SECONDS),
            memory=settings.memory,
            reserved_concurrency=settings.reserved_concurrency or None,
            runs=Runs(on=config.functions, log_days=config.watching.log_days),
        )
        function.role.add_to_principal_policy(
            iam.PolicyStatement(
                sid="ReadFiles",
                actions=["s3:GetObject"],
                resources=[self.bucket.arn_for_objects("*")],
            )
        )
        bucket = self.get_logical_id(cast("CfnElement", self.bucket.node.default_child))
        function.acknowledge(
            f"AwsSolutions-IAM5[Resource::<{bucket}.Arn>/*]",
            "Whoever presigns a file has to be able to read it.",
        )
        return function

    def _needed(self, name: str) -> str:
        value: str | None = getattr(self._config.issuer, name)
        if value is None:
            raise wrong(f"issuer.{name}", 'is needed with delivery = "s3"')
        return value

    def _tokens(self) -> dict[str, str]:
        """Say which tokens count: those for an audience, or Cognito's of a client."""
        client = self._config.issuer.token_client_id
        if client is not None:
            return {"SIGNER_TOKEN_CLIENT_ID": client}
        return {"SIGNER_TOKEN_AUDIENCE": self._needed("token_audience")}

    def _add_routes(self) -> None:
        # Also checked by the function, which reads the claims; this keeps it from being asked.
        tokens = authorizers.HttpJwtAuthorizer(
            "Tokens", self._needed("oidc_issuer"), jwt_audience=list(self._tokens().values())
        )
        issuer = integrations.HttpLambdaIntegration("Issuer", self.function.lambda_function)
        for method, path in ROUTES:
            self.api.add_routes(
                path=path,
                methods=[apigateway.HttpMethod(method)],
                integration=issuer,
                authorizer=tokens,
            )
        add_stage(self, self.api, days=self._config.watching.log_days)
