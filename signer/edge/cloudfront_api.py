"""A distribution read from a CloudFront API: AWS's, or an emulator's.

IAM actions: ``cloudfront:GetDistribution``, ``cloudfront:GetKeyGroup``,
``cloudfront:GetPublicKey``, ``cloudfront:GetCachePolicy``,
``cloudfront:GetOriginRequestPolicy``, ``cloudfront:GetResponseHeadersPolicy``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, Protocol, cast

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import Session

from signer.aws_client import DENIED, error_name
from signer.edge.cloudfront_config import behaviors_of, distribution_of, key_group_ids
from signer.edge.cloudfront_origins import Told
from signer.edge.cloudfront_policies import Policies
from signer.edge.distribution import Distribution
from signer.edge.local_settings import LocalSettings
from signer.errors import ConfigurationError, KeyMaterialError, RemoteError, SignerError, excerpt
from signer.keys import PublicKey
from signer.verifier import TrustedKeyGroup

_ID: Final = re.compile(r"[A-Za-z0-9]{1,64}")
_MISSING: Final = re.compile(r"NoSuch[A-Za-z]+")


class CloudFrontClient(Protocol):
    """A client of CloudFront; boto3's is one."""

    def get_distribution(self, *, Id: str) -> Told:  # noqa: N803 - boto3's name
        """Read a distribution."""
        ...

    def get_key_group(self, *, Id: str) -> Told:  # noqa: N803 - boto3's name
        """Read a key group."""
        ...

    def get_public_key(self, *, Id: str) -> Told:  # noqa: N803 - boto3's name
        """Read a public key."""
        ...

    def get_cache_policy(self, *, Id: str) -> Told:  # noqa: N803 - boto3's name
        """Read a cache policy."""
        ...

    def get_origin_request_policy(self, *, Id: str) -> Told:  # noqa: N803 - boto3's name
        """Read an origin request policy."""
        ...

    def get_response_headers_policy(self, *, Id: str) -> Told:  # noqa: N803 - boto3's name
        """Read a response headers policy."""
        ...


def cloudfront_client(endpoint_url: str | None = None) -> CloudFrontClient:
    """Make a client with boto's usual ways to find credentials.

    Args:
        endpoint_url: An emulator's address; boto's usual endpoint when None.

    Raises:
        ConfigurationError: ``cloudfront_client``.
    """
    session = Session()
    # Short, and not again and again: the next poll is another attempt.
    config = Config(
        connect_timeout=2,
        read_timeout=5,
        retries={"mode": "standard", "total_max_attempts": 2},
        proxies={} if endpoint_url else None,
    )
    # CloudFront has one endpoint for all Regions, but botocore wants to hear of one.
    region = session.get_config_variable("region") or "us-east-1"
    try:
        client = session.create_client(
            "cloudfront", region_name=region, endpoint_url=endpoint_url, config=config
        )
    except (BotoCoreError, ValueError) as error:
        kind = type(error).__name__
        raise ConfigurationError(
            "cloudfront_client",
            f"there cannot be a client of CloudFront ({kind})",
            advice="check the address and AWS's environment variables",
        ) from None
    return cast("CloudFrontClient", client)


class CloudFrontApi:
    """Reads one distribution with everything that the local edge needs of it."""

    def __init__(
        self,
        client: CloudFrontClient,
        distribution_id: str,
        local: LocalSettings | None = None,
    ) -> None:
        """Remember which distribution.

        Args:
            client: boto3's, or :func:`cloudfront_client`'s.
            distribution_id: As in ``E2QWRUHAPOMQZL``.
            local: What belongs to this machine, above all its origins.

        Raises:
            ConfigurationError: ``cloudfront_distribution``: that is no id.
        """
        if not _ID.fullmatch(distribution_id):
            raise ConfigurationError(
                "cloudfront_distribution",
                f"{excerpt(distribution_id)} is not the id of a distribution",
                advice="it looks like E2QWRUHAPOMQZL",
            )
        self._client = client
        self._id = distribution_id
        self._local = local or LocalSettings()
        # A public key never changes but for its comment. AWS page: "UpdatePublicKey".
        self._keys: dict[str, PublicKey] = {}

    def read(self) -> Distribution:
        """Read the distribution, its key groups and their public keys as they are now.

        Raises:
            RemoteError: ``cloudfront_denied``, ``cloudfront_missing``, ``cloudfront_unavailable``,
                ``cloudfront_answer``.
            ConfigurationError: It has something that cannot be served here; see
                :func:`signer.edge.cloudfront_config.distribution_of`.
        """
        try:
            return self._read()
        except SignerError:
            raise
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            kind = type(error).__name__
        raise RemoteError(
            "cloudfront_answer",
            f"CloudFront's answer is not of the form that it should be ({kind})",
        )

    def _read(self) -> Distribution:
        answer = self._asked(self._client.get_distribution, "GetDistribution", self._id)
        told = answer["Distribution"]
        behaviors = behaviors_of(told["DistributionConfig"])
        ids = dict.fromkeys(one for behavior in behaviors for one in key_group_ids(behavior))
        groups = {one: self._key_group(one) for one in ids}
        self._keys = {one: key for group in groups.values() for one, key in group.keys.items()}
        return distribution_of(told, groups, self._policies(), self._local)

    def _policies(self) -> Policies:
        """Return what asks for each policy once in a read."""
        client = self._client

        def look(call: Callable[..., Told], kind: str) -> Callable[[str], Told]:
            def found(policy_id: str) -> Told:
                config: Told = self._asked(call, f"Get{kind}", policy_id)[kind][f"{kind}Config"]
                return config

            return found

        return Policies(
            cache=look(client.get_cache_policy, "CachePolicy"),
            origin_request=look(client.get_origin_request_policy, "OriginRequestPolicy"),
            response_headers=look(client.get_response_headers_policy, "ResponseHeadersPolicy"),
        )

    def _key_group(self, group_id: str) -> TrustedKeyGroup:
        answer = self._asked(self._client.get_key_group, "GetKeyGroup", group_id)
        config = answer["KeyGroup"]["KeyGroupConfig"]
        keys = {one: self._keys.get(one) or self._public_key(one) for one in config["Items"]}
        return TrustedKeyGroup(keys=keys, name=config["Name"])

    def _public_key(self, key_pair_id: str) -> PublicKey:
        answer = self._asked(self._client.get_public_key, "GetPublicKey", key_pair_id)
        try:
            return PublicKey.from_pem(answer["PublicKey"]["PublicKeyConfig"]["EncodedKey"])
        except KeyMaterialError as error:
            problem, advice = error.message, error.advice
        raise ConfigurationError(
            "cloudfront_key", f"the public key {excerpt(key_pair_id)}: {problem}", advice=advice
        )

    def _asked(self, call: Callable[..., Told], operation: str, name: str) -> Told:
        """Call CloudFront and tell a failure by its kind."""
        try:
            return call(Id=name)
        except (BotoCoreError, ClientError) as error:
            kind = error_name(error)
        # Outside the handlers, so that AWS's answer does not hang on our error.
        raise _failure(kind, operation, name)


def _failure(kind: str, operation: str, name: str) -> RemoteError:
    what = f"{operation} of {excerpt(name)}"
    if kind in DENIED:
        return RemoteError(
            "cloudfront_denied",
            f"CloudFront does not permit {what} ({kind})",
            advice=f"set credentials that may do cloudfront:{operation}",
            error=kind,
        )
    if _MISSING.fullmatch(kind):
        return RemoteError(
            "cloudfront_missing",
            f"CloudFront knows nothing of {name} ({operation}: {kind})",
            advice="check the id and the account",
            error=kind,
        )
    return RemoteError(
        "cloudfront_unavailable", f"CloudFront did not answer {what} ({kind})", error=kind
    )
