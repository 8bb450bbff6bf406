"""The whole demo in one process, with MiniStack as its only child.

A private bucket and a secret store (MiniStack), an identity provider (oidc-provider-mock), the
issuer's own Lambda function, and the local edge in front of all of them.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import socket
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from signer.credential import Credential
from signer.custody import read_credential
from signer.dev import rotating
from signer.dev.bucket import BUCKET, fill_bucket
from signer.dev.content import Gallery, find_function, find_gallery
from signer.dev.demo import Demo, KeyRotation
from signer.dev.distribution import LOCATIONS, followed
from signer.dev.environment import ready_environment
from signer.dev.identity import ACCOUNTS, running_identity_provider
from signer.dev.issuing import (
    by_cloudfront,
    by_s3,
    function_environment,
    new_key_pair_id,
    renewed,
)
from signer.dev.ministack import ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY, running_ministack
from signer.dev.ports import listen, listen_near
from signer.dev.rotation_news import News
from signer.dev.secret_store import SecretsManager, SecretStore, private_files
from signer.dev.sites import presigned_site, private_site
from signer.dev.story.viewer import path_of
from signer.edge import (
    Distribution,
    EdgeServer,
    FolderOrigin,
    FunctionFile,
    Locations,
    S3Origin,
)
from signer.keys import KeyAlgorithm
from signer.rotation.driver import Rotation
from signer.verifier import TrustedKeyGroup

SITE_PORT = 8080

# Imported by what the demo runs, only once MiniStack is up; that they are missing is said before.
_NEEDED = ("aws_lambda_powertools", "joserfc", "oidc_provider_mock")

Use = Callable[[Demo, Gallery], Awaitable[bool]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What a person may choose.

    Attributes:
        port: Of the site; the next free one from 8080 when None.
        storage: ``s3`` for MiniStack, ``folder`` to serve the files as they lie.
        algorithm: Of the signing key.
        delivery: ``cloudfront``, or ``s3``: presigned URLs behind an API and no CloudFront.
        lifetime: Of everything that is issued; as the table of grants says when None, or as long
            as the signing key is in use, whichever is shorter.
        rotate_every: Age at which the signing key is replaced; it stays when None. Needs
            ``storage="s3"`` and ``delivery="cloudfront"``.
    """

    port: int | None = None
    storage: Literal["s3", "folder"] = "s3"
    algorithm: KeyAlgorithm = KeyAlgorithm.ECDSA_P256
    delivery: Literal["cloudfront", "s3"] = "cloudfront"
    lifetime: timedelta | None = None
    rotate_every: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Storage:
    """Where private objects and secrets lie."""

    origin: S3Origin | FolderOrigin
    secrets: SecretStore
    bucket_url: str | None = None
    endpoint_url: str = ""
    pid: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Keys:
    """The first credential, and the ring that replaces it, if one does."""

    credential: Credential
    rotation: Rotation | None = None
    group_id: str = ""
    period: timedelta = timedelta(0)


def run_demo(
    options: Options,
    *,
    say: Callable[[str], None],
    use: Use,
    tell: Callable[[News], None] = lambda _: None,
) -> bool:
    """Start the demo, use it, and stop everything again, whatever happens in between.

    Args:
        options: What to start.
        say: Told what is being done, one line at a time.
        use: Called once everything is up; the demo ends when it returns.
        tell: Told what the rotation does, while the demo is used.

    Returns:
        What `use` returned.

    Raises:
        ConfigurationError: A port is taken, MiniStack cannot be installed or started.
        ModuleNotFoundError: A package of the extra ``dev`` is not installed.
        RotationError: The first signing key cannot be made.
    """
    for name in _NEEDED:
        if importlib.util.find_spec(name) is None:
            raise ModuleNotFoundError(name=name)
    gallery = find_gallery()
    with contextlib.ExitStack() as stack:
        site, inspector = bound_ports(options, stack)
        storage = stack.enter_context(_storage(options, gallery, say))
        keys = _keys(options, gallery, storage, url_of(site), say)
        say("starting the identity provider")
        identity = stack.enter_context(running_identity_provider())
        demo = Demo(
            site_url=url_of(site),
            inspector_url=url_of(inspector),
            identity_url=identity.issuer_url,
            bucket_url=storage.bucket_url,
            delivery=options.delivery,
            key_pair_id=keys.credential.key_pair_id,
            algorithm=options.algorithm.value,
            accounts=tuple(ACCOUNTS),
            ministack_pid=storage.pid,
            rotation=_shown(keys, storage) if keys.rotation else None,
        )
        common = function_environment(
            gallery, storage.secrets, identity, site_url=demo.site_url, lifetime=_lifetime(options)
        )
        if options.delivery == "s3":
            source: Distribution | Locations = presigned_site(
                gallery, _function({**common, **by_s3()}), demo
            )
        else:
            source = _cloudfront(gallery, storage, keys, common, demo)
        edge = EdgeServer(source, host="localhost", sockets=site, inspector_sockets=inspector)
        return asyncio.run(_serve(edge, keys.rotation, tell, lambda: use(demo, gallery)))


async def _serve(
    edge: EdgeServer,
    rotation: Rotation | None,
    tell: Callable[[News], None],
    use: Callable[[], Awaitable[bool]],
) -> bool:
    async with edge:
        if rotation is None:
            return await use()
        async with rotating.ticking(rotation, tell):
            return await use()


def _lifetime(options: Options) -> timedelta | None:
    if options.rotate_every is None:
        return options.lifetime
    return options.lifetime or min(options.rotate_every, rotating.LONGEST_LIFETIME)


def _keys(
    options: Options,
    gallery: Gallery,
    storage: _Storage,
    site_url: str,
    say: Callable[[str], None],
) -> _Keys:
    """Make a signing key that stays, or a ring with its first one."""
    if options.rotate_every is None:
        made = Credential.new(key_pair_id=new_key_pair_id(), algorithm=options.algorithm)
        return _Keys(credential=made)
    say("making the first signing key")
    wanted = rotating.settings(
        options.rotate_every,
        lifetime=_lifetime(options) or options.rotate_every,
        algorithm=options.algorithm,
        probe_url=site_url + path_of(gallery.pictures()[0]),
    )
    rotation, ring = rotating.begun(storage.endpoint_url, wanted)
    client = rotating.client_of(storage.endpoint_url, "secretsmanager")
    return _Keys(
        credential=read_credential(f"secretsmanager:{rotating.SIGNING_SECRET}", client=client),
        rotation=rotation,
        group_id=ring.key_group_id or "",
        period=options.rotate_every,
    )


def _shown(keys: _Keys, storage: _Storage) -> KeyRotation:
    return KeyRotation(
        seconds=int(keys.period.total_seconds()),
        ring=rotating.RING,
        endpoint_url=storage.endpoint_url,
        locations={location.name: location.delay for location in LOCATIONS},
    )


def _cloudfront(
    gallery: Gallery, storage: _Storage, keys: _Keys, common: dict[str, str], demo: Demo
) -> Distribution | Locations:
    """Return the site; with rotation as edge locations that follow what CloudFront's API tells."""
    credential = keys.credential
    group = TrustedKeyGroup({credential.key_pair_id: credential.held_key.public_key()}, name="demo")
    if keys.rotation is None:
        place = storage.secrets.put("signing-credential", credential.to_json())
        function = _function({**common, **by_cloudfront(place)})
        return private_site(gallery, storage.origin, function, group, demo)
    place = f"secretsmanager:{rotating.SIGNING_SECRET}"
    handler = renewed(
        _function({**common, **by_cloudfront(place)}).load,
        max_age=rotating.INSTANCE_MAX_AGE,
        stale_limit=rotating.INSTANCE_STALE_LIMIT,
    )
    site = private_site(gallery, storage.origin, handler, group, demo)
    return followed(rotating.client_of(storage.endpoint_url, "cloudfront"), site, keys.group_id)


@contextlib.contextmanager
def _storage(options: Options, gallery: Gallery, say: Callable[[str], None]) -> Iterator[_Storage]:
    if options.storage == "folder":
        with private_files() as files:
            yield _Storage(origin=FolderOrigin(gallery.media), secrets=files)
        return
    python = ready_environment(say)
    say("starting MiniStack")
    with running_ministack(python) as ministack:
        say("filling a private bucket")
        fill_bucket(ministack.endpoint_url, (*gallery.pictures(), *gallery.film()))
        origin = S3Origin(
            BUCKET,
            region=REGION,
            endpoint_url=ministack.endpoint_url,
            access_key_id=ACCESS_KEY_ID,
            secret_access_key=SECRET_ACCESS_KEY,
        )
        url = f"{ministack.endpoint_url}/{BUCKET}"
        secrets = SecretsManager(ministack.endpoint_url)
        yield _Storage(
            origin=origin,
            secrets=secrets,
            bucket_url=url,
            endpoint_url=ministack.endpoint_url,
            pid=ministack.pid,
        )


def _function(variables: dict[str, str]) -> FunctionFile:
    return FunctionFile(find_function(), "handler", variables)


def bound_ports(
    options: Options, stack: contextlib.ExitStack
) -> tuple[list[socket.socket], list[socket.socket]]:
    """Return the sockets of site and inspector, which `stack` closes.

    First of all: there is no point in installing anything for a demo that cannot be reached.

    Raises:
        ConfigurationError: A port is taken.
    """
    site = listen(options.port) if options.port is not None else listen_near(SITE_PORT)
    for bound in site:
        stack.enter_context(contextlib.closing(bound))
    inspector = listen_near(_port(site) + 1)
    for bound in inspector:
        stack.enter_context(contextlib.closing(bound))
    return site, inspector


def url_of(sockets: list[socket.socket]) -> str:
    """Return the address of what listens there.

    One host name for everything: cookies and policies belong to it, not to 127.0.0.1.
    """
    port = _port(sockets)
    return "http://localhost" if port == 80 else f"http://localhost:{port}"  # noqa: PLR2004 - HTTP's


def _port(sockets: list[socket.socket]) -> int:
    port: int = sockets[0].getsockname()[1]
    return port
