"""What a distribution that is described elsewhere needs to know about this machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, get_args

from signer.assumptions import Assumptions
from signer.edge.distribution import ViewerCertificate
from signer.edge.origin import Origin
from signer.edge.response_headers import ResponseHeadersPolicy
from signer.keys import PublicKey
from signer.verifier import TrustedKeyGroup

LeftOut = Literal["functions", "error_pages"]
LEFT_OUT: Final[tuple[LeftOut, ...]] = get_args(LeftOut)


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalSettings:
    """What neither CloudFront's API nor a template knows about this machine.

    Attributes:
        origins: Origin id (or id of an origin group) to what stands for it here.
        domain_names: Host names that viewers may use; None for the distribution's own name and
            aliases, ``localhost`` and ``127.0.0.1``.
        viewer_certificate: Serve TLS; plain HTTP when None.
        assumptions: Rules where AWS documentation is silent.
        explain_header: Tell viewers the precise reason of a refusal in ``x-edge-reason``.
        s3_endpoint_url: The S3 of buckets that `origins` does not name; AWS's when None.
        lambda_endpoint_url: Where the Function URLs are that `origins` does not name; AWS's own
            hosts when None.
        access_key_id: Credentials to sign with for both; None for boto's default chain.
        secret_access_key: Belongs to ``access_key_id``.
        session_token: Belongs to ``access_key_id``.
        without: What is left out although the distribution has it and this edge does not:
            ``functions`` (CloudFront's and Lambda@Edge), ``error_pages``.
    """

    origins: Mapping[str, Origin] = field(default_factory=dict)
    domain_names: tuple[str, ...] | None = None
    viewer_certificate: ViewerCertificate | None = None
    assumptions: Assumptions = field(default_factory=Assumptions)
    explain_header: bool = False
    s3_endpoint_url: str | None = None
    lambda_endpoint_url: str | None = None
    access_key_id: str | None = None
    secret_access_key: str | None = field(default=None, repr=False)
    session_token: str | None = field(default=None, repr=False)
    without: tuple[LeftOut, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateSettings:
    """What a template cannot know before it is deployed, or about this machine.

    Attributes:
        local: As with CloudFront's API.
        keys: Key pair id to public key; trusted by every key group that `key_groups` does not name.
        key_groups: Key groups by the logical id of the resource that makes them, or by the id that
            stands in the template.
        response_headers: Response headers policies by an id that stands in the template, but is
            neither a resource of it nor one of AWS's own.
        forward_cookies: The same for cache and origin request policies: do cookies reach origins?
        values: ``LogicalId`` to what ``Ref`` gives, ``LogicalId.Attribute`` to what ``Fn::GetAtt``
            gives, and values of parameters.
    """

    local: LocalSettings = field(default_factory=LocalSettings)
    keys: Mapping[str, PublicKey] = field(default_factory=dict)
    key_groups: Mapping[str, TrustedKeyGroup] = field(default_factory=dict)
    response_headers: Mapping[str, ResponseHeadersPolicy] = field(default_factory=dict)
    forward_cookies: Mapping[str, bool] = field(default_factory=dict)
    values: Mapping[str, str] = field(default_factory=dict)
