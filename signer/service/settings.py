"""What the issuer is told by its environment, read once and checked as a whole.

A wrong variable is a :class:`~signer.errors.ConfigurationError` that names it and says what it may
be, at start and not at the first viewer. No setting holds a secret: secrets are named by where
they are kept. No error repeats a value, since a secret may have been put in the wrong place.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType
from typing import Final, Literal, cast, get_args
from urllib.parse import urlsplit

from signer.errors import ConfigurationError

FrontEnd = Literal["function_url", "http_api", "rest_api", "alb"]
Delivery = Literal["cloudfront", "s3"]

ALLOWED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "SIGNER_FRONT_END": "function_url, http_api, rest_api or alb",
        "SIGNER_BASE_URL": "https:// and the host that viewers see, without a path, or ssm:NAME",
        "SIGNER_DELIVERY": "cloudfront or s3",
        "SIGNER_CREDENTIAL": "file:PATH, env:NAME, secretsmanager:ID or ssm:NAME",
        "SIGNER_GRANTS": "file:PATH, env:NAME, secretsmanager:ID or ssm:NAME",
        "SIGNER_OIDC_ISSUER": "the https:// address of the identity provider",
        "SIGNER_OIDC_CLIENT_ID": "the id under which the identity provider knows this service",
        "SIGNER_OIDC_CLIENT_SECRET": "file:PATH, env:NAME, secretsmanager:ID or ssm:NAME",
        "SIGNER_OIDC_LOGOUT_URL": "the https:// address of the provider's log-out page",
        "SIGNER_OIDC_SCOPES": "scopes separated by spaces, openid among them",
        "SIGNER_TOKEN_AUDIENCE": "the audience (aud) that bearer tokens are issued for",
        "SIGNER_TOKEN_CLIENT_ID": "the client id of bearer tokens without an audience",
        "SIGNER_TOKEN_USE": "access or id",
        "SIGNER_SESSION_KEYS": "file:PATH, env:NAME, secretsmanager:ID or ssm:NAME",
        "SIGNER_SESSION_LIFETIME": "a time from 5m to 24h",
        "SIGNER_CLAIMS_MAX_AGE": "a time from 1m to 24h",
        "SIGNER_IDENTITY_GRACE": "a time from 0s to 1h",
        "SIGNER_ALLOWED_ORIGINS": "origins such as https://app.example.com, separated by commas",
        "SIGNER_CROSS_SITE_COOKIES": "true or false",
        "SIGNER_BUCKET": "the name of the S3 bucket",
        "SIGNER_KEY_PREFIX": "the start of all keys in the bucket, such as media/",
        "SIGNER_REGION": "the region of the S3 bucket, such as eu-central-1",
        "SIGNER_IMAGES_GRANT": "the name of a grant",
        "SIGNER_TRACING": "true or false",
    }
)
"""Every variable, and what it may be."""

_PLACE: Final = re.compile(r"(?:file|env|secretsmanager|ssm):\S+")
_DURATION: Final = re.compile(r"([0-9]{1,7})([smh]?)")
_UNIT: Final = MappingProxyType({"": 1, "s": 1, "m": 60, "h": 3600})
_ORIGIN: Final = re.compile(r"(https?)://([a-z0-9.-]+|\[[0-9a-f:]+\])(?::([1-9][0-9]{0,4}))?")
_LOOPBACK: Final = re.compile(r"(?:[a-z0-9-]+\.)*localhost|127(?:\.[0-9]{1,3}){3}|\[::1\]")
_DEFAULT_PORT: Final = MappingProxyType({"https": "443", "http": "80"})
_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_PRINTABLE: Final = re.compile(r"[!-~]{1,512}")
_SCOPES: Final = re.compile(r"[!#-\[\]-~]+(?: [!#-\[\]-~]+)*")
_BUCKET: Final = re.compile(r"(?!.*\.\.)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_REGION: Final = re.compile(r"[a-z]{2}(?:-[a-z]+)+-[0-9]")
_PREFIX: Final = re.compile(r"(?:(?!\.\.?/)[A-Za-z0-9!_.*'()&$@=;:+,-]+/)*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The checked settings of one issuer; see docs/issuer.md for what each does.

    Attributes:
        front_end: What invokes the Lambda function, and so the form of event and answer.
        base_url: Scheme and host that viewers see; URLs and cookies are issued for it.
        delivery: Whether URLs are CloudFront's or S3's presigned ones.
        credential: Where the signing credential is kept.
        grants: Where the grants table is kept.
        oidc_issuer: The identity provider; without one only public grants are served.
        oidc_client_id: Turns on log-in.
        oidc_client_secret: Where the client's secret is kept, if it has one.
        oidc_logout_url: Cognito's log-out page, which its discovery document may not name.
        oidc_scopes: What log-in asks for.
        token_audience: Accept bearer tokens issued for this audience ...
        token_client_id: ... or for this client, when they name no audience (Cognito's).
        token_use: Cognito's ``token_use`` of such tokens.
        session_keys: Where the keys that seal sessions are kept.
        session_lifetime: How long a session lasts without a refresh.
        claims_max_age: For how long URLs are signed on what was last read from the provider.
        identity_grace: For how long after that a refresh is answered while the provider is down.
        allowed_origins: Origins whose pages may call this API; always the own one.
        cross_site_cookies: Set cookies that work embedded in pages of other sites.
        bucket: For S3 delivery.
        key_prefix: In front of every key in the bucket.
        region: The bucket's.
        images_grant: The grant behind ``GET /images/{filename}/url``; ``images`` when None.
        tracing: Send traces to X-Ray.
    """

    front_end: FrontEnd = "function_url"
    base_url: str
    delivery: Delivery = "cloudfront"
    credential: str | None = None
    grants: str
    oidc_issuer: str | None = None
    oidc_client_id: str | None = None
    oidc_client_secret: str | None = None
    oidc_logout_url: str | None = None
    oidc_scopes: tuple[str, ...] = ("openid",)
    token_audience: str | None = None
    token_client_id: str | None = None
    token_use: str | None = None
    session_keys: str | None = None
    session_lifetime: timedelta = timedelta(hours=1)
    claims_max_age: timedelta = timedelta(minutes=15)
    identity_grace: timedelta = timedelta(minutes=5)
    allowed_origins: frozenset[str] = frozenset()
    cross_site_cookies: bool = False
    bucket: str | None = None
    key_prefix: str = ""
    region: str | None = None
    images_grant: str | None = None
    tracing: bool = False

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Settings:
        """Read and check all variables; an empty one counts as not set.

        Raises:
            ConfigurationError: ``setting``; evidence has the ``variable``. The message says what
                it may be and never what it is.
        """
        read = _Reader(environ)
        base_url = read.origin("SIGNER_BASE_URL")
        bucket = read.matching("SIGNER_BUCKET", _BUCKET)
        region = read.matching("SIGNER_REGION", _REGION) or environ.get("AWS_REGION") or None
        settings = cls(
            front_end=cast("FrontEnd", read.choice("SIGNER_FRONT_END", get_args(FrontEnd))),
            base_url=base_url,
            delivery=cast("Delivery", read.choice("SIGNER_DELIVERY", get_args(Delivery))),
            credential=read.matching("SIGNER_CREDENTIAL", _PLACE),
            grants=read.required("SIGNER_GRANTS", _PLACE),
            oidc_issuer=read.address("SIGNER_OIDC_ISSUER"),
            oidc_client_id=read.matching("SIGNER_OIDC_CLIENT_ID", _PRINTABLE),
            oidc_client_secret=read.matching("SIGNER_OIDC_CLIENT_SECRET", _PLACE),
            oidc_logout_url=read.address("SIGNER_OIDC_LOGOUT_URL"),
            oidc_scopes=read.scopes("SIGNER_OIDC_SCOPES"),
            token_audience=read.matching("SIGNER_TOKEN_AUDIENCE", _PRINTABLE),
            token_client_id=read.matching("SIGNER_TOKEN_CLIENT_ID", _PRINTABLE),
            token_use=read.matching("SIGNER_TOKEN_USE", re.compile("access|id")),
            session_keys=read.matching("SIGNER_SESSION_KEYS", _PLACE),
            session_lifetime=read.duration("SIGNER_SESSION_LIFETIME", "1h", 300, 86400),
            claims_max_age=read.duration("SIGNER_CLAIMS_MAX_AGE", "15m", 60, 86400),
            identity_grace=read.duration("SIGNER_IDENTITY_GRACE", "5m", 0, 3600),
            allowed_origins=read.origins("SIGNER_ALLOWED_ORIGINS") | {base_url},
            cross_site_cookies=read.flag("SIGNER_CROSS_SITE_COOKIES"),
            bucket=bucket,
            key_prefix=read.matching("SIGNER_KEY_PREFIX", _PREFIX) or "",
            region=region,
            images_grant=read.matching("SIGNER_IMAGES_GRANT", _NAME),
            tracing=read.flag("SIGNER_TRACING"),
        )
        _check_together(settings)
        return settings


def wrong_setting(
    name: str, problem: str = "has a value that is not allowed"
) -> ConfigurationError:
    """Return the error for a variable; also for what only shows when it is used."""
    return ConfigurationError(
        "setting", f"{name} {problem}", advice=f"set it to {ALLOWED[name]}", variable=name
    )


def _check_together(settings: Settings) -> None:
    """Refuse combinations that would leave something unusable, or silently unused."""
    has_tokens = settings.token_audience or settings.token_client_id
    needs: tuple[tuple[object, object, str, str], ...] = (
        # (when this is set, this must be, its variable, why)
        (
            settings.delivery == "cloudfront",
            settings.credential,
            "SIGNER_CREDENTIAL",
            "SIGNER_DELIVERY=cloudfront signs with it",
        ),
        (
            settings.delivery == "s3",
            settings.bucket,
            "SIGNER_BUCKET",
            "SIGNER_DELIVERY=s3 signs for it",
        ),
        (
            settings.oidc_client_id or has_tokens,
            settings.oidc_issuer,
            "SIGNER_OIDC_ISSUER",
            "log-in and tokens need it",
        ),
        (
            settings.oidc_client_id,
            settings.session_keys,
            "SIGNER_SESSION_KEYS",
            "log-in needs it",
        ),
        (
            settings.oidc_client_secret,
            settings.oidc_client_id,
            "SIGNER_OIDC_CLIENT_ID",
            "the secret belongs to it",
        ),
        (
            settings.oidc_issuer,
            settings.oidc_client_id or has_tokens,
            "SIGNER_OIDC_CLIENT_ID",
            "nothing else uses the identity provider (or set SIGNER_TOKEN_AUDIENCE)",
        ),
        (
            settings.token_use,
            settings.token_client_id,
            "SIGNER_TOKEN_CLIENT_ID",
            "SIGNER_TOKEN_USE belongs to it",
        ),
    )
    for condition, value, variable, why in needs:
        if condition and not value:
            raise wrong_setting(variable, f"is not set; {why}")
    if settings.token_audience and settings.token_client_id:
        raise wrong_setting("SIGNER_TOKEN_CLIENT_ID", "excludes SIGNER_TOKEN_AUDIENCE")


class _Reader:
    """Reads single variables; every error names the one that is wrong."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    def matching(self, name: str, pattern: re.Pattern[str]) -> str | None:
        value = self._environ.get(name)
        if not value:
            return None
        if not pattern.fullmatch(value):
            raise wrong_setting(name)
        return value

    def required(self, name: str, pattern: re.Pattern[str]) -> str:
        value = self.matching(name, pattern)
        if value is None:
            raise wrong_setting(name, "is not set")
        return value

    def choice(self, name: str, allowed: tuple[str, ...]) -> str:
        return self.matching(name, re.compile("|".join(allowed))) or allowed[0]

    def flag(self, name: str) -> bool:
        return self.matching(name, re.compile("true|false")) == "true"

    def duration(self, name: str, default: str, least: int, most: int) -> timedelta:
        found = _DURATION.fullmatch(self._environ.get(name) or default)
        seconds = int(found[1]) * _UNIT[found[2]] if found else -1
        if not least <= seconds <= most:
            raise wrong_setting(name)
        return timedelta(seconds=seconds)

    def origin(self, name: str) -> str:
        value = (self._environ.get(name) or "").removesuffix("/")
        if not value:
            raise wrong_setting(name, "is not set")
        if not _is_origin(value):
            raise wrong_setting(name)
        return value

    def origins(self, name: str) -> frozenset[str]:
        values = re.split(r"[,\s]+", (self._environ.get(name) or "").strip(", \t\n"))
        if values == [""]:
            return frozenset()
        if not all(_is_origin(value) for value in values):
            raise wrong_setting(name)
        return frozenset(values)

    def address(self, name: str) -> str | None:
        value = self.matching(name, _PRINTABLE)
        if value is None:
            return None
        try:
            parts = urlsplit(value)
        except ValueError:
            raise wrong_setting(name) from None
        if not _is_origin(f"{parts.scheme}://{parts.netloc}") or parts.query or parts.fragment:
            raise wrong_setting(name)
        return value

    def scopes(self, name: str) -> tuple[str, ...]:
        scopes = tuple((self.matching(name, _SCOPES) or "openid").split(" "))
        if "openid" not in scopes:
            raise wrong_setting(name)
        return scopes


def _is_origin(value: str) -> bool:
    """Whether it is an origin as browsers write it: lower case, no default port, no path."""
    found = _ORIGIN.fullmatch(value)
    if not found:
        return False
    scheme, host, port = found.groups()
    secure = scheme == "https" or bool(_LOOPBACK.fullmatch(host))
    return secure and port != _DEFAULT_PORT[scheme]
