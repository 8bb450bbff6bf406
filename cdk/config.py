"""What a team decides about its stack: a TOML file, read strictly.

cdk/example.toml describes every setting. What is not known, of another type or out of its range
ends in a :class:`~signer.errors.ConfigurationError` that names it, before anything is synthesized.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from cdk.settings_file import filled, wrong
from signer.errors import excerpt
from signer.toml_file import read_toml_file

_NAME: Final = re.compile(r"[a-z][a-z0-9-]{1,30}[a-z0-9]")
_TIME: Final = re.compile(r"[0-9]{1,9}[smhd]?")
_HOST: Final = re.compile(r"(?:\*\.)?(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,63}")
# Over plain HTTP anybody on the way could speak for a site.
_ORIGIN: Final = re.compile(
    r"(?:https://[a-z0-9.-]+|http://(?:localhost|127\.0\.0\.1))(?::[0-9]{1,5})?"
)
# A name, and no ARN and no pattern: it goes into the issuer's permissions.
_SECRET_NAME: Final = re.compile(r"[A-Za-z0-9/_+=.@-]{1,512}")
# AWS page: "Cache behavior settings", Path pattern; without quotes and blanks.
_PATTERN: Final = re.compile(r"/[A-Za-z0-9_.*$/~@:+&?-]{0,254}")
_PATH: Final = re.compile(r"(?:/[A-Za-z0-9_.~-]+)+")
_COUNTRY: Final = re.compile(r"[A-Z]{2}")
_LEAST_RATE, _MOST_RATE = 10, 2_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """The distribution and its bucket.

    Attributes:
        domain_names: Own names of the site, the first of which links are made for.
        certificate_arn: Of a certificate in us-east-1 for all of them ...
        hosted_zone_id: ... or the Route 53 zone, in which certificate and records are then made.
        hosted_zone_name: Belongs to it.
        url: What viewers see, where that is neither a name of `domain_names` nor CloudFront's own:
            a stack on a laptop behind ``signer edge``.
        public_paths: Path patterns that anybody may read. Everything else needs a signature.
        default_root_object: Object for ``/``.
        cors_origins: Other sites whose scripts may read what their viewers may.
        frame_ancestors: Sites whose pages may embed this one's; ``'self'`` is always one of them.
        price_class: Which edge locations serve: ``100``, ``200`` or ``all``.
        allowed_countries: Only these, if any.
        denied_countries: Not these.
        bind_ip: Whether policies name viewers' IPv4 addresses. The site then has no IPv6.
        web_acl_arn: A web ACL of AWS WAF to put in front ...
        rate_limit: ... or requests to ``/auth/*`` in five minutes from one address; more are
            refused by a web ACL of the stack's own. 0 for none.
        retain_bucket: Whether the files outlive the stack.
    """

    domain_names: tuple[str, ...] = ()
    certificate_arn: str | None = None
    hosted_zone_id: str | None = None
    hosted_zone_name: str | None = None
    url: str | None = None
    public_paths: tuple[str, ...] = ()
    default_root_object: str | None = None
    cors_origins: tuple[str, ...] = ()
    frame_ancestors: tuple[str, ...] = ()
    price_class: Literal["100", "200", "all"] = "100"
    allowed_countries: tuple[str, ...] = ()
    denied_countries: tuple[str, ...] = ()
    bind_ip: bool = False
    web_acl_arn: str | None = None
    rate_limit: int = 0
    retain_bucket: bool = True

    def __post_init__(self) -> None:
        """Check each setting, and those that go together."""
        _all_match("site.domain_names", self.domain_names, _HOST, "is not a host name")
        _all_match("site.cors_origins", self.cors_origins, _ORIGIN, "is not an origin")
        _all_match("site.frame_ancestors", self.frame_ancestors, _ORIGIN, "is not an origin")
        _all_match("site.allowed_countries", self.allowed_countries, _COUNTRY, "is not a country")
        _all_match("site.denied_countries", self.denied_countries, _COUNTRY, "is not a country")
        _all_match("site.public_paths", self.public_paths, _PATTERN, "is not a path pattern")
        for pattern in self.public_paths:
            # Without its wildcards nothing is left: it would open all that is private. But for "/"
            # itself, which is the default root object.
            if pattern != "/" and not re.search(r"[A-Za-z0-9]", pattern):
                problem = f"{excerpt(pattern)} would make everything public"
                raise wrong("site.public_paths", problem, "name folders, such as /static/*")
            if pattern.startswith("/auth/") or pattern == "/images/*/url":
                raise wrong("site.public_paths", f"{excerpt(pattern)} is the issuer's")
        if self.url is not None and not _ORIGIN.fullmatch(self.url):
            raise wrong("site.url", "is not scheme and host, such as http://localhost:8080")
        if self.allowed_countries and self.denied_countries:
            raise wrong("site.denied_countries", "excludes allowed_countries")
        if self.rate_limit and not _LEAST_RATE <= self.rate_limit <= _MOST_RATE:
            raise wrong("site.rate_limit", f"is not a number from {_LEAST_RATE}, or 0 for none")
        if self.rate_limit and self.web_acl_arn:
            raise wrong("site.rate_limit", "excludes web_acl_arn, which may have such a rule")
        self._check_domain()

    def _check_domain(self) -> None:
        in_zone = self.hosted_zone_id is not None
        for name in self.domain_names if self.hosted_zone_name else ():
            if not f".{name}".endswith(f".{self.hosted_zone_name}"):
                raise wrong("site.domain_names", f"{excerpt(name)} is not in the hosted zone")
        if in_zone != (self.hosted_zone_name is not None):
            raise wrong("site.hosted_zone_id", "needs hosted_zone_name, and the other way round")
        if in_zone and self.certificate_arn is not None:
            raise wrong("site.certificate_arn", "excludes hosted_zone_id, which makes one")
        has_certificate = in_zone or self.certificate_arn is not None
        if has_certificate != bool(self.domain_names):
            problem = "needs a certificate (certificate_arn, or hosted_zone_id), and it needs names"
            raise wrong("site.domain_names", problem)
        if self.domain_names and self.domain_names[0].startswith("*"):
            raise wrong("site.domain_names", "begins with a wildcard; links need a whole name")


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuerSettings:
    """The issuer: who logs in where, and what they get; docs/issuer.md has each setting.

    Attributes:
        grants: The grants table, a file beside the configuration.
        front_end: ``function_url`` behind an origin access control, or ``http_api``.
        oidc_issuer: The identity provider.
        oidc_client_id: Turns on log-in.
        oidc_client_secret_name: Secret in Secrets Manager with the client's secret.
        oidc_scopes: What log-in asks for.
        oidc_logout_url: Cognito's log-out page.
        token_audience: Accept bearer tokens for this audience ...
        token_client_id: ... or of this client.
        session_lifetime: How long a session lasts without a refresh.
        allowed_origins: Other sites whose pages may call.
        cross_site_cookies: Cookies that work in pages of other sites.
        images_grant: The grant of ``GET /images/{filename}/url``.
        memory: Megabytes; processor time comes with them.
        reserved_concurrency: How many run at once at most; 0 reserves nothing, for the rotation
            neither.
        snap_start: Start from a snapshot; needs an own domain.
        tracing: Send traces to X-Ray.
    """

    grants: Path = Path("grants.toml")
    front_end: Literal["function_url", "http_api"] = "function_url"
    oidc_issuer: str | None = None
    oidc_client_id: str | None = None
    oidc_client_secret_name: str | None = None
    oidc_scopes: str | None = None
    oidc_logout_url: str | None = None
    token_audience: str | None = None
    token_client_id: str | None = None
    session_lifetime: str = "1h"
    allowed_origins: tuple[str, ...] = ()
    cross_site_cookies: bool = False
    images_grant: str | None = None
    memory: int = 512
    reserved_concurrency: int = 100
    snap_start: bool = False
    tracing: bool = False

    def __post_init__(self) -> None:
        """Check what would only fail when the function starts."""
        _times("issuer.session_lifetime", self.session_lifetime)
        _all_match("issuer.allowed_origins", self.allowed_origins, _ORIGIN, "is not an origin")
        if self.oidc_client_secret_name is not None and self.oidc_client_id is None:
            raise wrong("issuer.oidc_client_secret_name", "needs oidc_client_id")
        name = self.oidc_client_secret_name
        if name is not None and not _SECRET_NAME.fullmatch(name):
            raise wrong("issuer.oidc_client_secret_name", "is not a secret's name; an ARN is none")
        if self.oidc_client_id is not None and self.oidc_issuer is None:
            raise wrong("issuer.oidc_client_id", "needs oidc_issuer")
        if not 128 <= self.memory <= 10240:  # noqa: PLR2004 - Lambda's own bounds
            raise wrong("issuer.memory", "is not a number of megabytes from 128 to 10240")
        if not 0 <= self.reserved_concurrency <= 100_000:  # noqa: PLR2004 - beyond any account's
            raise wrong("issuer.reserved_concurrency", "is not a number from 0")


@dataclass(frozen=True, slots=True, kw_only=True)
class KeySettings:
    """The ring of signing keys; docs/rotation-function.md has each setting.

    Attributes:
        algorithm: ``ECDSA_P256`` or ``RSA_2048``.
        custody: ``secret``, or ``kms`` for keys that never leave KMS.
        max_lifetime: The longest life of anything that is signed.
        period: Age at which the signing key is replaced.
        soak: How long the next key is trusted before it may sign.
        stale_limit: How long issuers may sign without having looked for a newer key.
        skew: Allowance for clocks.
        rollback_window: How long a replaced key can be taken back.
        probe_path: A protected path to try new keys at.
        probes: Good probes in a row that a key needs; 0 to do without.
        tick_minutes: How often the rotation looks.
        destroy: Whether keys, ring and secrets end with the stack.
        former_kms_keys: Whether there still are keys in KMS after a change of `custody` from it.
    """

    algorithm: Literal["ECDSA_P256", "RSA_2048"] = "ECDSA_P256"
    custody: Literal["secret", "kms"] = "secret"
    max_lifetime: str = "1d"
    period: str = "90d"
    soak: str = "24h"
    stale_limit: str = "30m"
    skew: str = "5m"
    rollback_window: str = "1h"
    probe_path: str = "/.signer/probe"
    probes: int = 3
    tick_minutes: int = 5
    destroy: bool = False
    former_kms_keys: bool = False

    def __post_init__(self) -> None:
        """Check the form of the times, and the path."""
        for name in ("max_lifetime", "period", "soak", "stale_limit", "skew", "rollback_window"):
            _times(f"keys.{name}", getattr(self, name))
        if not _PATH.fullmatch(self.probe_path):
            raise wrong("keys.probe_path", "is not a path such as /.signer/probe")
        if not 1 <= self.tick_minutes <= 60:  # noqa: PLR2004 - an hour
            raise wrong("keys.tick_minutes", "is not a number from 1 to 60")


@dataclass(frozen=True, slots=True, kw_only=True)
class Watching:
    """What is watched, and who is told.

    Attributes:
        emails: Told of alarms; each has to confirm the first message.
        log_days: How long logs are kept.
        more_metrics: CloudFront's additional metrics, which AWS charges for.
        audit: Tell of changes to keys by anybody but the rotation; needs a trail of CloudTrail.
    """

    emails: tuple[str, ...] = ()
    log_days: int = 30
    more_metrics: bool = False
    audit: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Functions:
    """What the Lambda functions run on.

    Attributes:
        architecture: ``arm64`` or ``x86_64``.
        python: Version of Python.
        for_this_machine: Bundle for the machine that deploys, for an emulator on it.
    """

    architecture: Literal["arm64", "x86_64"] = "arm64"
    python: Literal["3.11", "3.12", "3.13", "3.14"] = "3.13"
    for_this_machine: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Everything.

    Attributes:
        name: Of the stack's ring and in the names of what it makes; letters, digits, ``-``.
        delivery: ``cloudfront``, or ``s3`` for presigned URLs behind an API, without CloudFront.
        site: The distribution and its bucket.
        issuer: Who gets what.
        keys: The ring of signing keys.
        watching: Alarms and logs.
        functions: What the functions run on.
    """

    name: str = "media"
    delivery: Literal["cloudfront", "s3"] = "cloudfront"
    site: Site = field(default_factory=Site)
    issuer: IssuerSettings = field(default_factory=IssuerSettings)
    keys: KeySettings = field(default_factory=KeySettings)
    watching: Watching = field(default_factory=Watching)
    functions: Functions = field(default_factory=Functions)

    def __post_init__(self) -> None:
        """Check the name, and what depends on more than one section."""
        if not _NAME.fullmatch(self.name):
            raise wrong("name", "is not 3 to 32 lower-case letters, digits and -")
        if self.delivery == "s3":
            self._check_presigned()
        else:
            self._check_probe()
            self._check_front_end()

    def _check_presigned(self) -> None:
        """Refuse what would be silently without effect."""
        unused = {
            "site.domain_names": self.site.domain_names,
            "site.public_paths": self.site.public_paths,
            "site.rate_limit": self.site.rate_limit,
            "site.web_acl_arn": self.site.web_acl_arn,
            "site.allowed_countries": self.site.allowed_countries,
            "site.denied_countries": self.site.denied_countries,
            "site.bind_ip": self.site.bind_ip,
            "issuer.oidc_client_id": self.issuer.oidc_client_id,
            "issuer.snap_start": self.issuer.snap_start,
            "issuer.tracing": self.issuer.tracing,
        }
        for name, value in unused.items():
            if value:
                raise wrong(name, 'has no effect with delivery = "s3"')

    def _check_probe(self) -> None:
        """The rotation tries new keys from us-east-1, at a path that needs a signature."""
        if not self.keys.probes:
            return
        site, without = self.site, "or set keys.probes = 0, and rely on the soak"
        if (site.allowed_countries and "US" not in site.allowed_countries) or (
            "US" in site.denied_countries
        ):
            where = "allowed_countries" if site.allowed_countries else "denied_countries"
            raise wrong(
                f"site.{where}",
                "keeps the rotation out, which is in the US",
                f"allow it, {without}",
            )
        for pattern in (*site.public_paths, "/auth/*", "/images/*/url"):
            form = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
            if re.fullmatch(form, self.keys.probe_path):
                raise wrong(
                    "keys.probe_path",
                    f"is public, by {excerpt(pattern)}",
                    f"name another, {without}",
                )

    def _check_front_end(self) -> None:
        if self.issuer.front_end == "http_api":
            # Whoever knows its address passes by what stands in front of the distribution.
            passed_by = {
                "site.rate_limit": self.site.rate_limit,
                "site.web_acl_arn": self.site.web_acl_arn,
                "site.allowed_countries": self.site.allowed_countries,
                "site.denied_countries": self.site.denied_countries,
                "issuer.snap_start": self.issuer.snap_start,
            }
            for name, value in passed_by.items():
                if value:
                    raise wrong(name, 'needs issuer.front_end = "function_url"')
        own_address = self.site.domain_names or self.site.url
        if self.issuer.snap_start and not own_address:
            # The snapshot is taken before the distribution exists, and with it its name.
            raise wrong("issuer.snap_start", "needs site.domain_names")
        if self.issuer.snap_start and self.functions.python == "3.11":
            raise wrong("issuer.snap_start", 'needs functions.python = "3.12" or newer')

    @classmethod
    def read(cls, file: Path) -> Config:
        """Read a configuration file; paths in it are relative to its folder.

        Raises:
            ConfigurationError: ``configuration_file``: it cannot be read; ``stack_setting``: a
                setting is unknown or wrong, ``field`` names it.
        """
        return filled(cls, read_toml_file(file), file.parent)


def _all_match(where: str, values: tuple[str, ...], form: re.Pattern[str], problem: str) -> None:
    for value in values:
        if not form.fullmatch(value):
            raise wrong(where, f"{excerpt(value)} {problem}")
    if len(set(values)) != len(values):
        raise wrong(where, "names one twice")


def _times(where: str, value: str) -> None:
    if not _TIME.fullmatch(value):
        raise wrong(where, "is not a time", "write it like 90d, 24h, 30m")
