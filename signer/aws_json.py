"""Three calls of AWS's JSON protocol by the standard library alone, for Lambda's cold start.

Importing boto3 and making a client is most of what a small function does before its first answer
(docs/decisions/0008-aws-json.md has the numbers); these calls need neither. The signature is AWS
Signature Version 4, tested byte for byte against botocore's. Nothing is logged, and no error shows
anything of an answer but the name of its error.

AWS pages: "Create a signed AWS API request" (reference_sigv-create-signed-request),
"GetSecretValue", "GetParameter", "Sign", "GetPublicKey".
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import json
import os
import random
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from signer.errors import ConfigurationError, RemoteError
from signer.https import Answer, checked_url, request

if TYPE_CHECKING:
    from collections.abc import Callable

SECONDS_FOR_ALL: Final = 8.0
"""When this is over no further attempt begins."""

_SECONDS_FOR_ONE = 3.0
_PAUSES = (0.1, 0.4)
_MOST_BYTES = 1 << 18  # a secret has at most 64 KiB, escaped and wrapped
_OK, _TOO_MANY, _SERVER_ERROR = 200, 429, 500

_REGION = re.compile(r"[a-z]{2,8}(?:-[a-z0-9]{1,16}){1,4}")
_ERROR_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]{0,63}")
_FIELD_VALUE = re.compile(r"[!-~]{1,8192}")

_DNS_SUFFIXES = {
    "cn": "amazonaws.com.cn",
    "eusc": "amazonaws.eu",
    "us-iso": "c2s.ic.gov",
    "us-isob": "sc2s.sgov.gov",
    "eu-isoe": "cloud.adc-e.uk",
    "us-isof": "csp.hci.ic.gov",
}
# Name in X-Amz-Target, and in names of environment variables.
_SERVICES: Final = {
    "secretsmanager": ("secretsmanager", "SECRETS_MANAGER"),
    "ssm": ("AmazonSSM", "SSM"),
    "kms": ("TrentService", "KMS"),
}
_THROTTLED = re.compile(r".*Throttl.*|TooManyRequestsException|RequestLimitExceeded")


@dataclass(frozen=True, slots=True)
class AccessKey:
    """Credentials of an AWS role or user; never shown.

    Attributes:
        key_id: Access key id.
        secret: Secret access key.
        token: Session token of temporary credentials; empty when there is none.
    """

    key_id: str = field(repr=False)
    secret: str = field(repr=False)
    token: str = field(repr=False, default="")

    def __post_init__(self) -> None:
        """Refuse what cannot be sent, without showing it."""
        needed = [self.key_id, self.secret, *([self.token] if self.token else [])]
        if not all(isinstance(one, str) and _FIELD_VALUE.fullmatch(one) for one in needed):
            raise _no_credentials()


class JsonClient:
    """A client of Secrets Manager, SSM or KMS with the few calls that an issuer makes.

    Its methods take and return what boto3's do. Safe to share between threads and to keep across
    a fork: each call opens a connection of its own.
    """

    def __init__(
        self,
        service: str,
        *,
        region: str | None = None,
        access_key: AccessKey | None = None,
        endpoint_url: str | None = None,
        environ: Mapping[str, str] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Find Region and address; nothing is sent yet.

        Args:
            service: ``secretsmanager``, ``ssm`` or ``kms``.
            region: AWS Region; ``AWS_REGION`` or ``AWS_DEFAULT_REGION`` when None.
            access_key: Credentials; when None they are looked up at each call, as Lambda provides
                them: in ``AWS_ACCESS_KEY_ID``, ``AWS_SECRET_ACCESS_KEY`` and
                ``AWS_SESSION_TOKEN``, or under SnapStart at
                ``AWS_CONTAINER_CREDENTIALS_FULL_URI``.
            endpoint_url: Address of the service; when None ``AWS_ENDPOINT_URL_<SERVICE>``,
                ``AWS_ENDPOINT_URL``, or AWS's own for the Region.
            environ: Environment variables; those of the process when None.
            clock: Seconds since 1970, for the signature.

        Raises:
            ConfigurationError: ``aws_service``, ``aws_region``.
            InputError: ``remote_url``: the address is neither HTTPS nor on this machine.
        """
        if service not in _SERVICES:
            raise ConfigurationError(
                "aws_service", f"the service is none of {', '.join(_SERVICES)}"
            )
        environ = os.environ if environ is None else environ
        region = region or environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or ""
        if not _REGION.fullmatch(region):
            raise ConfigurationError(
                "aws_region", "no AWS Region, or not the name of one", advice="set AWS_REGION"
            )
        self._service = service
        self._region = region
        self._url = endpoint_url or _endpoint(service, region, environ)
        self._host = checked_url(self._url).netloc
        self._provider = _Provider(environ, access_key, clock)
        self._clock = clock

    def get_secret_value(
        self,
        *,
        SecretId: str,  # noqa: N803 - boto3's name
    ) -> dict[str, object]:
        """Read a secret; needs ``secretsmanager:GetSecretValue``."""
        return self._call("GetSecretValue", SecretId=SecretId)

    def get_parameter(
        self,
        *,
        Name: str,  # noqa: N803 - boto3's name
        WithDecryption: bool = False,  # noqa: N803 - boto3's name
    ) -> dict[str, object]:
        """Read a parameter; needs ``ssm:GetParameter``, and ``kms:Decrypt`` for a SecureString."""
        return self._call("GetParameter", Name=Name, WithDecryption=WithDecryption)

    def sign(
        self,
        *,
        KeyId: str,  # noqa: N803 - boto3's name
        Message: bytes,  # noqa: N803 - boto3's name
        MessageType: str,  # noqa: N803 - boto3's name
        SigningAlgorithm: str,  # noqa: N803 - boto3's name
    ) -> dict[str, object]:
        """Sign with a key in KMS; needs ``kms:Sign``."""
        answer = self._call(
            "Sign",
            KeyId=KeyId,
            Message=base64.b64encode(Message).decode(),
            MessageType=MessageType,
            SigningAlgorithm=SigningAlgorithm,
        )
        return {**answer, "Signature": _bytes(answer, "Signature")}

    def get_public_key(self, *, KeyId: str) -> dict[str, object]:  # noqa: N803 - boto3's name
        """Read the public half of a key in KMS; needs ``kms:GetPublicKey``."""
        answer = self._call("GetPublicKey", KeyId=KeyId)
        return {**answer, "PublicKey": _bytes(answer, "PublicKey")}

    def __repr__(self) -> str:
        """Show service and Region."""
        return f"JsonClient({self._service}, {self._region})"

    def _call(self, action: str, **members: object) -> dict[str, object]:
        body = json.dumps(members).encode()
        until = time.monotonic() + SECONDS_FOR_ALL
        for pause in (*_PAUSES, None):
            try:
                answer = self._send(action, body)
                if answer.status == _OK:
                    return _members(answer, self._service)
                problem = _problem(answer, self._service, action)
            except RemoteError as error:
                problem = error
            if pause is None or not _may_pass(problem) or time.monotonic() + pause > until:
                break
            # Half to all of the pause, so that those who failed together do not return together.
            time.sleep(pause * random.uniform(0.5, 1))  # noqa: S311 - spreads load, guards nothing
        raise problem

    def _send(self, action: str, body: bytes) -> Answer:
        target, _ = _SERVICES[self._service]
        headers = {
            "Content-Type": "application/x-amz-json-1.1",
            "Host": self._host,
            "X-Amz-Target": f"{target}.{action}",
        }
        signed = signed_headers(
            self._url,
            headers,
            body,
            service=self._service,
            region=self._region,
            access_key=self._provider.access_key(),
            now=self._clock(),
        )
        return request(
            "POST",
            self._url,
            headers=signed,
            body=body,
            timeout=_SECONDS_FOR_ONE,
            limit=_MOST_BYTES,
        )


def signed_headers(
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    service: str,
    region: str,
    access_key: AccessKey,
    now: float,
) -> dict[str, str]:
    """Sign a POST request by AWS Signature Version 4.

    Args:
        url: Address without a query.
        headers: Fields to send and sign, ``Host`` among them.
        body: What is posted.
        service: Service in the scope of the signature.
        region: Region in the scope of the signature.
        access_key: Credentials.
        now: Seconds since 1970.

    Returns:
        The fields with date, token and ``Authorization``.
    """
    moment = datetime.fromtimestamp(now, UTC).strftime("%Y%m%dT%H%M%SZ")
    fields = {**headers, "X-Amz-Date": moment}
    if access_key.token:
        fields["X-Amz-Security-Token"] = access_key.token
    canonical = {name.lower(): " ".join(value.split()) for name, value in fields.items()}
    names = ";".join(sorted(canonical))
    lines = [f"{name}:{canonical[name]}" for name in sorted(canonical)]
    path = checked_url(url).path or "/"
    digest = hashlib.sha256(body).hexdigest()
    text = "\n".join(("POST", path, "", *lines, "", names, digest))
    scope = f"{moment[:8]}/{region}/{service}/aws4_request"
    to_sign = f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{hashlib.sha256(text.encode()).hexdigest()}"
    key = f"AWS4{access_key.secret}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, to_sign.encode(), "sha256").hex()
    fields["Authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={access_key.key_id}/{scope}, "
        f"SignedHeaders={names}, Signature={signature}"
    )
    return fields


class _Provider:
    """Where the credentials come from in a Lambda function."""

    def __init__(
        self, environ: Mapping[str, str], given: AccessKey | None, clock: Callable[[], float]
    ) -> None:
        self._environ = environ
        self._given = given
        self._clock = clock
        self._fetched: tuple[AccessKey, float] | None = None

    def access_key(self) -> AccessKey:
        if self._given is not None:
            return self._given
        environ = self._environ
        if "AWS_ACCESS_KEY_ID" in environ:
            secret = environ.get("AWS_SECRET_ACCESS_KEY", "")
            token = environ.get("AWS_SESSION_TOKEN", "")
            return AccessKey(environ["AWS_ACCESS_KEY_ID"], secret, token)
        if "AWS_CONTAINER_CREDENTIALS_FULL_URI" in environ:
            return self._from_container()
        raise _no_credentials()

    def _from_container(self) -> AccessKey:
        """Ask for credentials where SnapStart has them: a snapshot must not hold any.

        AWS page: "Security model for Lambda SnapStart" (snapstart-security), "Container credential
        provider" (feature-container-credentials).
        """
        fetched = self._fetched
        if fetched is not None and fetched[1] - self._clock() > _SECONDS_BEFORE_END:
            return fetched[0]
        token = self._environ.get("AWS_CONTAINER_AUTHORIZATION_TOKEN", "")
        url = self._environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"]
        answer = request(
            "GET", url, headers={"Authorization": token} if token else {}, limit=1 << 16
        )
        members = _members(answer, "the credentials endpoint") if answer.status == _OK else {}
        key_id, secret, session, end = (
            str(members.get(name, ""))
            for name in ("AccessKeyId", "SecretAccessKey", "Token", "Expiration")
        )
        key = AccessKey(key_id, secret, session)
        with contextlib.suppress(ValueError):  # without a date they are asked for each time
            self._fetched = (key, datetime.fromisoformat(end).timestamp())
        return key


_SECONDS_BEFORE_END = 300


def _no_credentials() -> ConfigurationError:
    return ConfigurationError(
        "aws_credentials",
        "no AWS credentials, or such that cannot be sent",
        advice="set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or pass a boto3 client",
    )


def _endpoint(service: str, region: str, environ: Mapping[str, str]) -> str:
    """Return the configured address, or AWS's own."""
    _, variable = _SERVICES[service]
    if environ.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "").lower() != "true":
        for name in (f"AWS_ENDPOINT_URL_{variable}", "AWS_ENDPOINT_URL"):
            if configured := environ.get(name):
                return configured
    fips = "-fips" if environ.get("AWS_USE_FIPS_ENDPOINT", "").lower() == "true" else ""
    suffix = _DNS_SUFFIXES.get(region.split("-", maxsplit=1)[0]) or _DNS_SUFFIXES.get(
        "-".join(region.split("-")[:2]), "amazonaws.com"
    )
    return f"https://{service}{fips}.{region}.{suffix}/"


def _members(answer: Answer, source: str) -> dict[str, object]:
    with contextlib.suppress(ValueError, RecursionError):
        members = json.loads(answer.body)
        if isinstance(members, dict):
            return members
    # Outside the suppressed error, which would carry the answer.
    raise RemoteError("remote_answer", f"{source} answered what is not a JSON object")


def _bytes(answer: Mapping[str, object], name: str) -> bytes:
    with contextlib.suppress(ValueError):
        return base64.b64decode(str(answer.get(name, "")), validate=True)
    raise RemoteError("remote_answer", f"AWS answered a {name} that is not base64")


def _problem(answer: Answer, service: str, action: str) -> RemoteError:
    """Make an error of an answer's status and of the name in it, of nothing else."""
    members: Mapping[str, object] = {}
    with contextlib.suppress(RemoteError):
        members = _members(answer, service)
    told = str(members.get("__type", "") or answer.headers.get("x-amzn-errortype", ""))
    name = told.rpartition("#")[2].partition(":")[0]
    name = name if _ERROR_NAME.fullmatch(name) else ""
    return RemoteError(
        "aws_error",
        f"{service} refused {action} ({name or answer.status})",
        error=name,
        status=answer.status,
    )


def _may_pass(problem: RemoteError) -> bool:
    """Whether another attempt may succeed."""
    if problem.code != "aws_error":
        return problem.code in {"remote_unreachable", "remote_timeout"}
    status = problem.evidence["status"]
    return (
        not isinstance(status, int)
        or status >= _SERVER_ERROR
        or status == _TOO_MANY
        or _THROTTLED.fullmatch(str(problem.evidence["error"])) is not None
    )
