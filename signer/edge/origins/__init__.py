"""Origins at work: each turns an origin request into a streamed response."""

from __future__ import annotations

from typing import assert_never

from signer.edge.origin import (
    FolderOrigin,
    FunctionUrlOrigin,
    HttpOrigin,
    LambdaOrigin,
    Origin,
    S3Origin,
)
from signer.edge.origins.folder import FolderReader
from signer.edge.origins.function import FunctionCaller
from signer.edge.origins.function_url import FunctionUrlCaller
from signer.edge.origins.http import HttpForwarder
from signer.edge.origins.request import Fetcher, OriginError, OriginRequest
from signer.edge.origins.s3 import S3Reader

__all__ = ["Fetcher", "OriginError", "OriginRequest", "connect"]


def connect(origin: Origin) -> Fetcher:
    """Return what fetches from an origin; nothing is opened before the first request."""
    match origin:
        case FolderOrigin():
            return FolderReader(origin)
        case FunctionUrlOrigin():
            return FunctionUrlCaller(origin)
        case HttpOrigin():
            return HttpForwarder(origin)
        case LambdaOrigin():
            return FunctionCaller(origin)
        case S3Origin():
            return S3Reader(origin)
        case _ as unreachable:
            assert_never(unreachable)
