"""Where credentials are kept: opening an issuer from a URI, and writing new key files.

``file:PATH`` reads a credential document from a file that only its owner can read; ``env:NAME``
from an environment variable; ``secretsmanager:ID`` from AWS Secrets Manager and ``ssm:NAME`` from
the SSM Parameter Store. A document in any of them may name a key in KMS instead of holding one.
docs/custody.md tells how to set each up, and what happens when it cannot be reached.
"""

from __future__ import annotations

import hashlib
import os
import stat
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypedDict, Unpack

from signer.aws import KmsKey, SecretsManagerReader, SsmReader
from signer.credential import Credential
from signer.errors import CredentialError, excerpt
from signer.in_thread import in_thread
from signer.issuer import Issuer
from signer.refreshing import Refreshing, StaleError

if TYPE_CHECKING:
    from collections.abc import Callable

    from signer.cookies import CookieAttributes, SignedCookies
    from signer.keys import HashAlgorithm, PublicKey
    from signer.policy import Policy
    from signer.signed_policy import SignedPolicy

DEFAULT_MAX_AGE: Final = timedelta(minutes=5)
DEFAULT_STALE_LIMIT: Final = timedelta(minutes=30)


class _Life(TypedDict, total=False):
    expires_in: timedelta | int | None
    date_less_than: datetime | int | None
    date_greater_than: datetime | int | None
    ip_address: str | None
    allow_entire_distribution: bool


class UrlOptions(_Life, total=False):
    """Keyword arguments of :meth:`signer.Issuer.signed_url`."""

    resource: str | None


class CookieOptions(_Life, total=False):
    """Keyword arguments of :meth:`signer.Issuer.signed_cookies`."""

    attributes: CookieAttributes | None


class CustodyIssuer(Issuer):
    """An issuer whose credential is read again from where it is kept; see :func:`open_issuer`.

    Every call that signs takes one credential and uses it to its end, so that key, id, hash and
    longest life always belong together. Safe to share between threads and to keep across a fork.
    """

    def __init__(self, held: Refreshing[Issuer]) -> None:
        """Use :func:`open_issuer`."""
        # Nothing of the base class's state is used: each method runs on a whole Issuer.
        self._refreshed = held

    def current(self) -> Issuer:
        """Return the issuer of this moment, for several signatures that must agree.

        Do not keep it: it is not read again and knows no stale limit.

        Raises:
            CredentialError: ``credential_stale``, or why it cannot be read after :meth:`forget`.
        """
        try:
            return self._refreshed.get()
        except StaleError as error:
            age, cause = int(error.age), error.cause
        raise CredentialError(
            "credential_stale",
            f"the credential was last read {age} seconds ago and signs no more",
            advice=f"it cannot be read: {cause.message}" if cause else "",
            age=age,
            cause=cause.code if cause else None,
        )

    def forget(self) -> None:
        """Drop the credential; the next signing reads it.

        For hooks that run before a process is frozen into a snapshot, or after it was restored.
        """
        self._refreshed.forget()

    @property
    def key_pair_id(self) -> str:
        """CloudFront's id of the public key of this moment."""
        return self.current().key_pair_id

    @property
    def hash_algorithm(self) -> HashAlgorithm:
        """Hash of this moment."""
        return self.current().hash_algorithm

    @property
    def max_lifetime(self) -> timedelta:
        """Longest life of anything issued at this moment."""
        return self.current().max_lifetime

    def signed_url(self, url: str, **options: Unpack[UrlOptions]) -> str:
        """Return a signed URL; see :meth:`signer.Issuer.signed_url`."""
        return self.current().signed_url(url, **options)

    def signed_cookies(self, resource: str, **options: Unpack[CookieOptions]) -> SignedCookies:
        """Return signed cookies; see :meth:`signer.Issuer.signed_cookies`."""
        return self.current().signed_cookies(resource, **options)

    def sign(self, policy: Policy) -> SignedPolicy:
        """Sign a policy once; see :meth:`signer.Issuer.sign`."""
        return self.current().sign(policy)

    def generate_presigned_url(
        self, url: str, date_less_than: datetime | None = None, policy: str | bytes | None = None
    ) -> str:
        """Do what botocore's signer does; see :meth:`signer.Issuer.generate_presigned_url`."""
        return self.current().generate_presigned_url(url, date_less_than, policy)

    async def signed_url_async(self, url: str, **options: Unpack[UrlOptions]) -> str:
        """Return a signed URL; reading and signing happen in a thread, outside the GIL."""
        return await in_thread(self.signed_url, url, **options)

    async def signed_cookies_async(
        self, resource: str, **options: Unpack[CookieOptions]
    ) -> SignedCookies:
        """Return signed cookies; reading and signing happen in a thread, outside the GIL."""
        return await in_thread(self.signed_cookies, resource, **options)

    async def sign_async(self, policy: Policy) -> SignedPolicy:
        """Sign a policy once; reading and signing happen in a thread, outside the GIL."""
        return await in_thread(self.sign, policy)

    def __repr__(self) -> str:
        """Show that it is read again; asks nothing."""
        return "CustodyIssuer()"


def open_issuer(
    uri: str,
    *,
    clock: Callable[[], float] = time.time,
    max_age: timedelta = DEFAULT_MAX_AGE,
    stale_limit: timedelta = DEFAULT_STALE_LIMIT,
    client: object = None,
    kms_client: object = None,
) -> CustodyIssuer:
    """Return an issuer for the credential at a URI, which is read now and again when it is old.

    Args:
        uri: ``file:PATH``, ``env:NAME``, ``secretsmanager:ID`` (or ARN) or ``ssm:NAME`` (or ARN).
        clock: Returns seconds since 1970.
        max_age: Age at which the credential is read again, give or take a tenth. One thread
            reads; the others go on with what is there.
        stale_limit: Age from which nothing is signed with it when it could not be read again.
            Rotation has to wait this long before it takes a key out of use.
        client: Client of Secrets Manager or SSM: boto3's, :class:`signer.aws_json.JsonClient`,
            or anything with ``get_secret_value`` or ``get_parameter``. Made when None.
        kms_client: The same for KMS (``sign``), for documents that name a key there.

    Raises:
        CredentialError: Unknown scheme, nothing there, a file that others can read, a store that
            refuses or does not answer, or an unusable document (see
            :meth:`signer.credential.Credential.from_json`).
        KeyPairIdError: The document's key pair id is malformed.
        InputError: ``max_age`` does not fit ``stale_limit``.
    """
    source = _Source(uri, clock=clock, client=client, kms_client=kms_client)
    issuer = CustodyIssuer(
        Refreshing(source.load, max_age=max_age, stale_limit=stale_limit, clock=clock)
    )
    issuer.current()
    return issuer


class _Source:
    """Reads a credential; a document that has not changed keeps its validated key."""

    def __init__(
        self, uri: str, *, clock: Callable[[], float], client: object, kms_client: object
    ) -> None:
        self._read = _reader(uri, client)
        self._clock = clock
        self._kms_client = kms_client
        self._digest = b""
        self._issuer: Issuer | None = None

    def load(self) -> Issuer:
        text = self._read()
        digest = hashlib.sha256(text.encode("utf-8", errors="surrogatepass")).digest()
        if self._issuer is None or digest != self._digest:
            credential = Credential.from_json(text)
            key = _kms(credential, self._kms_client)
            self._issuer = credential.issuer(clock=self._clock, key=key)
            self._digest = digest
        return self._issuer


def read_credential(uri: str, *, client: object = None) -> Credential:
    """Read and validate the credential at a URI; see :func:`open_issuer`."""
    return Credential.from_json(read_secret_text(uri, client=client))


def read_secret_text(uri: str, *, client: object = None) -> str:
    """Read any small secret, such as session keys or an OIDC client secret.

    Args:
        uri: As for :func:`open_issuer`.
        client: As for :func:`open_issuer`.

    Raises:
        CredentialError: As for :func:`open_issuer`, without what concerns the document.
    """
    return _reader(uri, client)()


def public_key_of(credential: Credential, *, kms_client: object = None) -> PublicKey:
    """Return the public half of a credential's key; a key in KMS is asked for its own.

    Raises:
        SigningError: KMS refused or did not answer; see :meth:`signer.aws.KmsKey.public_key`.
    """
    key = _kms(credential, kms_client) or credential.private_key
    assert key is not None  # noqa: S101 - a Credential has one of the two
    return key.public_key()


def _kms(credential: Credential, kms_client: object) -> KmsKey | None:
    name = credential.kms_key
    return KmsKey(name.arn, name.algorithm, kms_client) if name else None


def _reader(uri: str, client: object) -> Callable[[], str]:
    scheme, colon, place = uri.partition(":")
    match scheme if colon else "":
        case "file":
            return lambda: _file_text(place)
        case "env":
            return lambda: _environment_text(place)
        case "secretsmanager":
            return SecretsManagerReader(place, client).read
        case "ssm":
            return SsmReader(place, client).read
        case _:
            raise CredentialError(
                "credential_uri",
                f"{excerpt(scheme)} is not a place that credentials are read from",
                advice="use file:PATH, env:NAME, secretsmanager:ID or ssm:NAME",
            )


def write_credential(credential: Credential, path: Path) -> None:
    """Write a credential to a new file that only its owner can read.

    An existing file is never overwritten: it may hold the only copy of a key in use.

    Raises:
        CredentialError: ``credential_exists``, ``credential_write``.
    """
    write_key_file(path, credential.to_json(), secret=True)


def write_key_file(path: Path, text: str, *, secret: bool) -> None:
    """Write a file that is not there yet; nothing is left of one that cannot be finished.

    Args:
        path: The new file.
        text: What to write; line ends stay as they are on every operating system.
        secret: Let only the owner read it.

    Raises:
        CredentialError: ``credential_exists``, ``credential_write``.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600 if secret else 0o644)
    except FileExistsError:
        raise CredentialError(
            "credential_exists",
            f"{path} exists already",
            advice="choose another name; keys are never overwritten",
        ) from None
    except OSError as error:
        raise _unwritten(path, error) from None
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except BaseException as error:
        path.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise _unwritten(path, error) from None
        raise


def check_owner_only(path: Path) -> None:
    """Refuse a file that others than its owner can reach; Windows has no modes to go by.

    Raises:
        CredentialError: ``credential_permissions``, ``credential_missing``.
        OSError: The file is not there.
    """
    mode = path.stat().st_mode
    if stat.S_ISDIR(mode):
        raise CredentialError("credential_missing", f"{path} is a folder; name a file in it")
    if sys.platform != "win32" and stat.S_IMODE(mode) & 0o077:
        import shlex  # noqa: PLC0415 - for a file that is refused

        raise CredentialError(
            "credential_permissions",
            f"others can read {path}",
            advice=f"run: chmod 600 {shlex.quote(str(path))}",
        )


def _unwritten(path: Path, error: OSError) -> CredentialError:
    missing = isinstance(error, FileNotFoundError)
    return CredentialError(
        "credential_write",
        f"{path} cannot be written: {error.strerror}",
        advice=f"make the folder {path.parent} first" if missing else "",
    )


def _file_text(place: str) -> str:
    try:
        path = Path(place).expanduser()
        check_owner_only(path)
        # Decoding strictly would raise an error that carries all of the file.
        text = path.read_bytes().decode("utf-8", errors="replace")
    except OSError as error:
        raise CredentialError(
            "credential_missing",
            f"{place} cannot be read: {error.strerror}",
            advice="signer keys new makes one",
        ) from None
    except (RuntimeError, ValueError):  # "~nobody"; a null character or lone surrogate
        raise CredentialError("credential_uri", f"{excerpt(place)} is not a path") from None
    if "\ufffd" in text:
        raise CredentialError("credential_json", f"{place} is not a text file")
    return text


def _environment_text(name: str) -> str:
    value = os.environ.get(name)
    if value is None:
        raise CredentialError(
            "credential_missing", f"the environment variable {excerpt(name)} is not set"
        )
    return value
