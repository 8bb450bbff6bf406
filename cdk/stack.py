"""The stack: distribution, key ring, issuer and what watches them, from one configuration."""

from __future__ import annotations

from typing import Any

from aws_cdk import CfnOutput, Stack
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from cdk.bundling import code
from cdk.config import Config
from cdk.distribution import IMAGES_PATH, ISSUER_PATHS, PrivateDistribution
from cdk.function import Runs, target_of
from cdk.issuer import GRANTS_FILE, Issuer
from cdk.keyring import Keyring
from cdk.observability import Observability


class SignedCdnStack(Stack):
    """A private, signed distribution with its issuer, its rotation and its alarms.

    Args:
        scope: The app.
        construct_id: The stack's name.
        config: What the team decides.
        stack_settings: As of every stack.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        config: Config,
        **stack_settings: Any,  # noqa: ANN401 - the CDK's own
    ) -> None:
        super().__init__(scope, construct_id, **stack_settings)
        target = target_of(config.functions)
        runs = Runs(
            on=config.functions, log_days=config.watching.log_days, tracing=config.issuer.tracing
        )
        keyring = Keyring(
            self,
            "Keys",
            name=config.name,
            code=code("rotate.py", target=target),
            settings=config.keys,
            runs=runs,
            probe_url=self._probe_url(config),
            reserved_concurrency=1 if config.issuer.reserved_concurrency else None,
        )
        issuer = Issuer(
            self,
            "Issuer",
            code=code("issue.py", target=target, files={GRANTS_FILE: config.issuer.grants}),
            signing_secret=keyring.signing_secret,
            base_url=self._base_url(config),
            settings=config.issuer,
            runs=runs,
        )
        keyring.let_sign(issuer.function.role)
        site = PrivateDistribution(
            self,
            "Site",
            key_group=keyring.key_group,
            settings=config.site,
            issuer=issuer.origin,
            issuer_paths=(*ISSUER_PATHS, *((IMAGES_PATH,) if config.issuer.images_grant else ())),
        )
        if self._base_url(config).startswith("ssm:"):
            ssm.StringParameter(
                self,
                "BaseUrl",
                parameter_name=self._base_url(config).removeprefix("ssm:"),
                description="Where the site is; the issuer asks, since it was made before the site",
                string_value=site.url,
            )
        self._watch(config, site, keyring, issuer)
        self._tell(site, keyring, issuer)

    def _base_url(self, config: Config) -> str:
        """Return what the issuer is told: the name, or where the distribution's own will be."""
        if config.site.url is not None:
            return config.site.url
        if config.site.domain_names:
            return f"https://{config.site.domain_names[0]}"
        # Not /NAME itself: Parameter Store refuses names that begin with aws or ssm.
        return f"ssm:/signer/{self.stack_name}/base-url"

    def _probe_url(self, config: Config) -> str | None:
        """Return where keys are tried: at the known name, or at the distribution's own."""
        path = config.keys.probe_path if config.keys.probes else None
        return path if path is None or config.site.url is None else config.site.url + path

    def _watch(
        self, config: Config, site: PrivateDistribution, keyring: Keyring, issuer: Issuer
    ) -> None:
        Observability(
            self,
            "Watching",
            distribution=site.distribution,
            issuer=issuer.function.lambda_function,
            tick=keyring.function.lambda_function,
            ring=keyring.ring,
            settings=config.watching,
            keys=config.keys,
            key_group_id=keyring.key_group_id,
            signing_secret=keyring.signing_secret,
            standby_secret=keyring.standby_secret,
        )

    def _tell(self, site: PrivateDistribution, keyring: Keyring, issuer: Issuer) -> None:
        told = {
            "SiteUrl": (site.url, "What viewers open"),
            "LogInUrl": (f"{site.url}/auth/login?return_to=/", "Where a log-in begins"),
            "BucketName": (site.bucket.bucket_name, "Where the private files go"),
            "DistributionId": (site.distribution.distribution_id, "For invalidations"),
            "KeyGroupId": (keyring.key_group_id, "Whose keys the distribution trusts"),
            "Ring": (keyring.ring, "For signer rotate --ring"),
            "SigningSecret": (keyring.signing_secret.secret_arn, "For backends: secretsmanager:"),
            "IssuerFunction": (issuer.function.lambda_function.function_name, "Gives out access"),
            "TickFunction": (keyring.function.lambda_function.function_name, "Rotates the keys"),
        }
        for name, (value, description) in told.items():
            CfnOutput(self, name, value=value, description=description)
