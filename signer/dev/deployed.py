"""The demo as a deployed stack: cdk/'s own template in MiniStack, behind the local edge.

Everything that is private or public lies in the stack's bucket, viewers get cookies from its
function behind its Function URL, and its own tick function rotates its keys. Only the edge is ours:
it reads the distribution from CloudFront's API, as MiniStack plays it, and enforces signatures.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import mimetypes
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, Final

from signer.custody import read_credential
from signer.dev.bucket import upload
from signer.dev.content import Gallery, MediaObject, find_gallery
from signer.dev.demo import Demo, KeyRotation
from signer.dev.deployed_keys import DeployedKeys, ticking
from signer.dev.deployment import Cdk, Deployment, Outputs, find_checkout
from signer.dev.environment import ready_environment
from signer.dev.identity import ACCOUNTS, running_identity_provider
from signer.dev.ministack import (
    ACCESS_KEY_ID,
    REGION,
    SECRET_ACCESS_KEY,
    STACK_SERVICES,
    running_ministack,
)
from signer.dev.rotating import client_of
from signer.dev.rotation_news import News
from signer.dev.stack import Options, Use, bound_ports, url_of
from signer.dev.stack_config import write_config
from signer.edge import (
    CloudFrontApi,
    EdgeLocation,
    EdgeServer,
    LambdaOrigin,
    LocalSettings,
    Locations,
    S3Origin,
)
from signer.edge.function_file import Handler

LOCATIONS: Final = (EdgeLocation("near"), EdgeLocation("far", 2.0))
"""One edge location that learns of a change at once, and one that takes two seconds."""

_POLL_SECONDS: Final = 1.0


def run_deployed(
    options: Options,
    *,
    say: Callable[[str], None],
    use: Use,
    tell: Callable[[News], None] = lambda _: None,
) -> bool:
    """Deploy the stack, use it, and stop everything again, whatever happens in between.

    Args:
        options: What to start.
        say: Told what is being done, one line at a time.
        use: Called once everything is up; the demo ends when it returns.
        tell: Told what the rotation does, while the demo is used.

    Returns:
        What `use` returned.

    Raises:
        ConfigurationError: A port is taken, this is no checkout, MiniStack cannot be started, or
            the stack cannot be deployed.
    """
    find_checkout()
    gallery = find_gallery()
    with contextlib.ExitStack() as stack:
        site, inspector = bound_ports(options, stack)
        python = ready_environment(say)
        say("starting MiniStack, the AWS on this machine")
        ministack = stack.enter_context(running_ministack(python, services=STACK_SERVICES))
        say("starting the identity provider")
        identity = stack.enter_context(running_identity_provider())
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="signer-stack-")))
        endpoint_url = ministack.endpoint_url
        config = write_config(
            folder,
            options,
            gallery,
            identity=identity,
            site_url=url_of(site),
            endpoint_url=endpoint_url,
        )
        cdk = Cdk(endpoint_url=endpoint_url, config=config, folder=folder, say=say)
        outputs = cdk.begin()
        say("filling the private bucket")
        addresses = {"inspector_url": url_of(inspector), "identity_url": identity.issuer_url}
        upload(endpoint_url, outputs["BucketName"], _files(gallery, folder, addresses))
        client = client_of(endpoint_url, "secretsmanager")
        place = f"secretsmanager:{outputs['SigningSecret']}"
        credential = read_credential(place, client=client)
        period = options.rotate_every
        demo = Demo(
            site_url=url_of(site),
            inspector_url=addresses["inspector_url"],
            identity_url=identity.issuer_url,
            bucket_url=f"{endpoint_url}/{outputs['BucketName']}",
            delivery="cloudfront",
            key_pair_id=credential.key_pair_id,
            algorithm=options.algorithm.value,
            accounts=tuple(ACCOUNTS),
            ministack_pid=ministack.pid,
            rotation=KeyRotation(
                seconds=int(period.total_seconds()) if period else None,
                ring=outputs["Ring"],
                endpoint_url=endpoint_url,
                locations={location.name: location.delay for location in LOCATIONS},
            ),
            deployment=Deployment(cdk, outputs),
        )
        edge = EdgeServer(
            followed(endpoint_url, outputs),
            host="localhost",
            sockets=site,
            inspector_sockets=inspector,
        )
        keys = DeployedKeys(endpoint_url, outputs)
        return asyncio.run(_serve(edge, keys, tell, lambda: use(demo, gallery)))


async def _serve(
    edge: EdgeServer,
    keys: DeployedKeys,
    tell: Callable[[News], None],
    use: Callable[[], Awaitable[bool]],
) -> bool:
    async with edge, ticking(keys, tell):
        return await use()


def followed(endpoint_url: str, outputs: Outputs) -> Locations:
    """Return edge locations that follow what CloudFront's API tells of the distribution.

    Args:
        endpoint_url: The AWS on this machine.
        outputs: Of the stack.
    """
    cloudfront = client_of(endpoint_url, "cloudfront")
    name = outputs["DistributionId"]
    told = cloudfront.get_distribution(Id=name)["Distribution"]["DistributionConfig"]
    files = S3Origin(
        outputs["BucketName"],
        region=REGION,
        endpoint_url=endpoint_url,
        access_key_id=ACCESS_KEY_ID,
        secret_access_key=SECRET_ACCESS_KEY,
    )
    issuer = LambdaOrigin(invoked(endpoint_url, outputs["IssuerFunction"]))
    local = LocalSettings(
        # The names that AWS has for them lead nowhere on this machine.
        origins={
            one["Id"]: files if "S3OriginConfig" in one else issuer
            for one in told["Origins"]["Items"]
        },
        domain_names=("localhost",),
        explain_header=True,
    )
    return Locations(
        CloudFrontApi(cloudfront, name, local).read, LOCATIONS, poll_seconds=_POLL_SECONDS
    )


def invoked(endpoint_url: str, function: str) -> Handler:
    """Return a handler that has a deployed function answer each event.

    Args:
        endpoint_url: The AWS on this machine.
        function: Its name.
    """
    functions = client_of(endpoint_url, "lambda")

    def handle(event: dict[str, Any], _context: object) -> object:
        answer = functions.invoke(FunctionName=function, Payload=json.dumps(event).encode())
        told = json.loads(answer["Payload"].read())
        if "FunctionError" in answer:
            raise RuntimeError(told.get("errorType", "the function failed"))
        return told

    return handle


def _files(gallery: Gallery, folder: Path, addresses: dict[str, str]) -> Iterator[MediaObject]:
    """Yield all that is private, the public page, and what else there is to open."""
    yield from (*gallery.pictures(), *gallery.film())
    for file in sorted(gallery.site.rglob("*")):
        if file.is_file():
            kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
            key = file.relative_to(gallery.site).as_posix()
            yield MediaObject(key=key, file=file, content_type=kind)
    told = folder / "demo.json"
    told.write_text(json.dumps(addresses), encoding="utf-8")
    yield MediaObject(key=told.name, file=told, content_type="application/json")
