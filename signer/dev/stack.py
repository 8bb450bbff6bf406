"""The whole demo in one process, with MiniStack as its only child.

A private bucket and a secret store (MiniStack), an identity provider (oidc-provider-mock), the
issuer's own Lambda function, and the local edge in front of all of them.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import json
import socket
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from signer.credential import Credential
from signer.dev.bucket import BUCKET, fill_bucket
from signer.dev.content import Gallery, find_function, find_gallery
from signer.dev.demo import Demo
from signer.dev.environment import ready_environment
from signer.dev.identity import ACCOUNTS, running_identity_provider
from signer.dev.issuing import by_cloudfront, by_s3, function_environment, new_key_pair_id
from signer.dev.ministack import ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY, running_ministack
from signer.dev.ports import listen, listen_near
from signer.dev.secret_store import SecretsManager, SecretStore, private_files
from signer.edge import (
    Behavior,
    Distribution,
    EdgeServer,
    FolderOrigin,
    FunctionFile,
    LambdaOrigin,
    S3Origin,
)
from signer.keys import KeyAlgorithm
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
        lifetime: Of everything that is issued; as the table of grants says when None.
    """

    port: int | None = None
    storage: Literal["s3", "folder"] = "s3"
    algorithm: KeyAlgorithm = KeyAlgorithm.ECDSA_P256
    delivery: Literal["cloudfront", "s3"] = "cloudfront"
    lifetime: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Storage:
    """Where private objects and secrets lie."""

    origin: S3Origin | FolderOrigin
    secrets: SecretStore
    bucket_url: str | None = None
    pid: int | None = None


def run_demo(options: Options, *, say: Callable[[str], None], use: Use) -> bool:
    """Start the demo, use it, and stop everything again, whatever happens in between.

    Args:
        options: What to start.
        say: Told what is being done, one line at a time.
        use: Called once everything is up; the demo ends when it returns.

    Returns:
        What `use` returned.

    Raises:
        ConfigurationError: A port is taken, MiniStack cannot be installed or started.
        ModuleNotFoundError: A package of the extra ``dev`` is not installed.
    """
    for name in _NEEDED:
        if importlib.util.find_spec(name) is None:
            raise ModuleNotFoundError(name=name)
    gallery = find_gallery()
    with contextlib.ExitStack() as stack:
        # Ports first: there is no point in installing anything for a demo that cannot be reached.
        site = listen(options.port) if options.port is not None else listen_near(SITE_PORT)
        inspector = listen_near(_port(site) + 1)
        for bound in (*site, *inspector):
            stack.enter_context(contextlib.closing(bound))
        storage = stack.enter_context(_storage(options, gallery, say))
        say("starting the identity provider")
        identity = stack.enter_context(running_identity_provider())
        credential = Credential.new(key_pair_id=new_key_pair_id(), algorithm=options.algorithm)
        demo = Demo(
            site_url=_url(site),
            inspector_url=_url(inspector),
            identity_url=identity.issuer_url,
            bucket_url=storage.bucket_url,
            delivery=options.delivery,
            key_pair_id=credential.key_pair_id,
            algorithm=options.algorithm.value,
            accounts=tuple(ACCOUNTS),
            ministack_pid=storage.pid,
        )
        common = function_environment(
            gallery, storage.secrets, identity, site_url=demo.site_url, lifetime=options.lifetime
        )
        if options.delivery == "s3":
            variables = {**common, **by_s3()}
            distribution = _api(gallery, _function(variables), demo)
        else:
            variables = {**common, **by_cloudfront(storage.secrets, credential)}
            group = TrustedKeyGroup(
                {credential.key_pair_id: credential.held_key.public_key()}, name="demo"
            )
            distribution = _site(gallery, storage, _function(variables), group, demo)
        edge = EdgeServer(distribution, host="localhost", sockets=site, inspector_sockets=inspector)
        return asyncio.run(_serve(edge, lambda: use(demo, gallery)))


async def _serve(edge: EdgeServer, use: Callable[[], Awaitable[bool]]) -> bool:
    async with edge:
        return await use()


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
        yield _Storage(origin=origin, secrets=secrets, bucket_url=url, pid=ministack.pid)


def _function(variables: dict[str, str]) -> FunctionFile:
    return FunctionFile(find_function(), "handler", variables)


def _site(
    gallery: Gallery,
    storage: _Storage,
    function: FunctionFile,
    group: TrustedKeyGroup,
    demo: Demo,
) -> Distribution:
    """Return what a stack for this site would look like: public paths by name, the rest signed."""
    return Distribution(
        origins={
            "site": FolderOrigin(gallery.site),
            "issuer": LambdaOrigin(function),
            "private": storage.origin,
            "addresses": _addresses(demo),
        },
        key_groups={"demo": group},
        default_root_object="index.html",
        behaviors=(
            # Whether the default root object is put in before or after behaviors are chosen.
            Behavior(origin="site", path_pattern="/"),
            Behavior(origin="site", path_pattern="/index.html"),
            Behavior(origin="site", path_pattern="/favicon.ico"),
            Behavior(origin="site", path_pattern="/assets/*"),
            Behavior(origin="addresses", path_pattern="/demo.json"),
            _issuer("/auth/*"),
        ),
        default_behavior=Behavior(origin="private", trusted_key_groups=("demo",)),
        domain_names=("localhost",),
        explain_header=True,
    )


def _api(gallery: Gallery, function: FunctionFile, demo: Demo) -> Distribution:
    """Return a stand-in for API Gateway: the same function, a public page, and no signatures."""
    return Distribution(
        # An HTTP API passes on what it gets: nothing is signed, and Authorization stays.
        origins={
            "site": FolderOrigin(gallery.presigned_site),
            "issuer": LambdaOrigin(function, front_end="http_api"),
            "addresses": _addresses(demo),
        },
        default_root_object="index.html",
        behaviors=(
            Behavior(origin="addresses", path_pattern="/demo.json"),
            _issuer("/auth/*"),
            _issuer("/images/*"),
        ),
        default_behavior=Behavior(origin="site"),
        domain_names=("localhost",),
    )


def _issuer(path_pattern: str) -> Behavior:
    return Behavior(
        origin="issuer", path_pattern=path_pattern, allowed_methods="ALL", forward_cookies=True
    )


def _addresses(demo: Demo) -> LambdaOrigin:
    """Return an origin that tells the page what else there is to open."""
    body = json.dumps({"inspector_url": demo.inspector_url, "identity_url": demo.identity_url})
    answer = {"statusCode": 200, "headers": {"content-type": "application/json"}, "body": body}
    return LambdaOrigin(lambda _event, _context: answer)


def _port(sockets: list[socket.socket]) -> int:
    port: int = sockets[0].getsockname()[1]
    return port


def _url(sockets: list[socket.socket]) -> str:
    # One host name for everything: cookies and policies belong to it, not to 127.0.0.1.
    port = _port(sockets)
    return "http://localhost" if port == 80 else f"http://localhost:{port}"  # noqa: PLR2004 - HTTP's
