"""The demo's distributions: what is public, what is private, and where the issuer answers."""

from __future__ import annotations

import json

from signer.dev.content import Gallery
from signer.dev.demo import Demo
from signer.edge import (
    Behavior,
    Distribution,
    FolderOrigin,
    FunctionFile,
    LambdaOrigin,
    S3Origin,
)
from signer.edge.function_file import Handler
from signer.verifier import TrustedKeyGroup


def private_site(
    gallery: Gallery,
    private: S3Origin | FolderOrigin,
    function: FunctionFile | Handler,
    group: TrustedKeyGroup,
    demo: Demo,
) -> Distribution:
    """Return what a stack for this site would look like: public paths by name, the rest signed."""
    return Distribution(
        origins={
            "site": FolderOrigin(gallery.site),
            "issuer": LambdaOrigin(function),
            "private": private,
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


def presigned_site(gallery: Gallery, function: FunctionFile, demo: Demo) -> Distribution:
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
