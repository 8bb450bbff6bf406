"""A local CloudFront: what a distribution does with viewer requests, on this machine.

Needs the extra ``edge``. docs/edge.md describes the configuration file, and what is and is not
emulated.
"""

from signer.edge.app import EdgeApp
from signer.edge.cloudfront_api import CloudFrontApi, cloudfront_client
from signer.edge.distribution import Behavior, Distribution, ViewerCertificate
from signer.edge.function_file import FunctionFile
from signer.edge.local_settings import LocalSettings, TemplateSettings
from signer.edge.locations import EdgeLocation, Locations
from signer.edge.origin import (
    FolderOrigin,
    FunctionUrlOrigin,
    HttpOrigin,
    LambdaOrigin,
    Origin,
    S3Origin,
)
from signer.edge.response_headers import AddedHeader, Cors, ResponseHeadersPolicy
from signer.edge.server import EdgeServer
from signer.edge.template import read_template

__all__ = [
    "AddedHeader",
    "Behavior",
    "CloudFrontApi",
    "Cors",
    "Distribution",
    "EdgeApp",
    "EdgeLocation",
    "EdgeServer",
    "FolderOrigin",
    "FunctionFile",
    "FunctionUrlOrigin",
    "HttpOrigin",
    "LambdaOrigin",
    "LocalSettings",
    "Locations",
    "Origin",
    "ResponseHeadersPolicy",
    "S3Origin",
    "TemplateSettings",
    "ViewerCertificate",
    "cloudfront_client",
    "read_template",
]
