"""A private bucket behind a distribution in which everything needs a signature, unless listed."""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType
from typing import Final

from aws_cdk import Duration, Stack
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_cloudfront as cloudfront
from aws_cdk import aws_cloudfront_origins as origins
from aws_cdk import aws_route53 as route53
from aws_cdk import aws_route53_targets as targets
from constructs import Construct

from cdk.acknowledged import acknowledge
from cdk.bucket import private_bucket
from cdk.config import Site
from cdk.firewall import rate_limiting_acl
from cdk.region import InItsRegion

PRICE_CLASSES: Final = MappingProxyType(
    {
        "100": cloudfront.PriceClass.PRICE_CLASS_100,
        "200": cloudfront.PriceClass.PRICE_CLASS_200,
        "all": cloudfront.PriceClass.PRICE_CLASS_ALL,
    }
)
ISSUER_PATHS: Final = ("/auth/*",)
"""What the issuer answers, on the site's own host: cookies of another one would not come back."""

IMAGES_PATH: Final = "/images/*/url"
"""What it answers too, where a grant is named for it."""

_HTTPS: Final = cloudfront.ViewerProtocolPolicy.REDIRECT_TO_HTTPS
_YEARS: Final = 730
_PREFLIGHT_SECONDS: Final = 600


class PrivateDistribution(Construct):
    """Bucket, origin access control, distribution, and perhaps certificate and DNS records.

    There are no custom error responses: one for 403 would hide every refused signature.

    Args:
        scope: Where it belongs.
        construct_id: Its name there.
        key_group: Whose keys the distribution trusts. Best one that no template owns; see
            :class:`cdk.keyring.Keyring`.
        settings: What the team decides.
        issuer: Answers what is asked below `issuer_paths`; :attr:`cdk.issuer.Issuer.origin`.
        issuer_paths: Path patterns, which need no signature and are never cached.

    Attributes:
        bucket: The private bucket.
        distribution: The distribution.
        url: Scheme and host that viewers see.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        key_group: cloudfront.IKeyGroup,
        settings: Site | None = None,
        issuer: cloudfront.IOrigin | None = None,
        issuer_paths: Sequence[str] = ISSUER_PATHS,
    ) -> None:
        super().__init__(scope, construct_id)
        self._settings = settings = settings or Site()
        if settings.rate_limit or settings.hosted_zone_id:
            because = "certificates and web ACLs of CloudFront are"
            self.node.add_validation(InItsRegion(self, because))
        self.bucket = private_bucket(self, "Bucket", retain=settings.retain_bucket)
        zone, certificate = self._zone_and_certificate()
        files = origins.S3BucketOrigin.with_origin_access_control(self.bucket)
        headers = self._response_headers()
        self.distribution = cloudfront.Distribution(
            self,
            "Distribution",
            comment=f"{Stack.of(self).stack_name}: private, signed",
            default_behavior=self._behavior(files, headers, key_groups=[key_group]),
            additional_behaviors={
                # In this order: the first that matches decides.
                **{one: self._issuer_behavior(issuer) for one in issuer_paths if issuer},
                **{
                    pattern: self._behavior(files, headers, key_groups=None)
                    for pattern in settings.public_paths
                },
            },
            default_root_object=settings.default_root_object,
            http_version=cloudfront.HttpVersion.HTTP2_AND_3,
            # AWS page "DistributionConfig", IsIPV6Enabled: not together with policies that name
            # IPv4 addresses.
            enable_ipv6=not settings.bind_ip,
            price_class=PRICE_CLASSES[settings.price_class],
            geo_restriction=self._geo_restriction(),
            web_acl_id=self._web_acl(),
            domain_names=list(settings.domain_names) or None,
            certificate=certificate,
            minimum_protocol_version=cloudfront.SecurityPolicyProtocol.TLS_V1_2_2025
            if certificate
            else None,
            ssl_support_method=cloudfront.SSLMethod.SNI if certificate else None,
        )
        self._add_records(zone)
        self._acknowledge()

    @property
    def url(self) -> str:
        """Scheme and host that viewers see."""
        if self._settings.url is not None:
            return self._settings.url
        names = self._settings.domain_names
        return f"https://{names[0] if names else self.distribution.distribution_domain_name}"

    def _issuer_behavior(self, origin: cloudfront.IOrigin) -> cloudfront.BehaviorOptions:
        """Answer anybody, and cache nothing."""
        return cloudfront.BehaviorOptions(
            origin=origin,
            viewer_protocol_policy=_HTTPS,
            allowed_methods=cloudfront.AllowedMethods.ALLOW_ALL,
            cache_policy=cloudfront.CachePolicy.CACHING_DISABLED,
            # A Function URL is found by its own Host.
            origin_request_policy=cloudfront.OriginRequestPolicy.ALL_VIEWER_EXCEPT_HOST_HEADER,
        )

    def _behavior(
        self,
        origin: cloudfront.IOrigin,
        headers: cloudfront.IResponseHeadersPolicy,
        *,
        key_groups: Sequence[cloudfront.IKeyGroup] | None,
    ) -> cloudfront.BehaviorOptions:
        methods = cloudfront.AllowedMethods
        return cloudfront.BehaviorOptions(
            origin=origin,
            trusted_key_groups=list(key_groups) if key_groups else None,
            viewer_protocol_policy=_HTTPS,
            allowed_methods=methods.ALLOW_GET_HEAD_OPTIONS
            if self._settings.cors_origins
            else methods.ALLOW_GET_HEAD,
            # Signature parameters are in no cache key: viewers share what is cached.
            cache_policy=cloudfront.CachePolicy.CACHING_OPTIMIZED,
            response_headers_policy=headers,
            compress=True,
        )

    def _response_headers(self) -> cloudfront.ResponseHeadersPolicy:
        settings = self._settings
        embedding = " ".join(("'self'", *settings.frame_ancestors))
        return cloudfront.ResponseHeadersPolicy(
            self,
            "Headers",
            comment="Security headers, and CORS for named sites",
            security_headers_behavior=cloudfront.ResponseSecurityHeadersBehavior(
                content_type_options=cloudfront.ResponseHeadersContentTypeOptions(override=True),
                content_security_policy=cloudfront.ResponseHeadersContentSecurityPolicy(
                    content_security_policy=f"frame-ancestors {embedding}", override=False
                ),
                # A signed URL must not be told to the next site as where a viewer came from.
                referrer_policy=cloudfront.ResponseHeadersReferrerPolicy(
                    referrer_policy=cloudfront.HeadersReferrerPolicy.NO_REFERRER, override=True
                ),
                strict_transport_security=cloudfront.ResponseHeadersStrictTransportSecurity(
                    access_control_max_age=Duration.days(_YEARS), override=True
                ),
            ),
            cors_behavior=cors(settings.cors_origins) if settings.cors_origins else None,
        )

    def _geo_restriction(self) -> cloudfront.GeoRestriction | None:
        settings = self._settings
        if settings.allowed_countries:
            return cloudfront.GeoRestriction.allowlist(*settings.allowed_countries)
        if settings.denied_countries:
            return cloudfront.GeoRestriction.denylist(*settings.denied_countries)
        return None

    def _web_acl(self) -> str | None:
        if self._settings.rate_limit:
            return rate_limiting_acl(self, "Firewall", requests=self._settings.rate_limit).attr_arn
        return self._settings.web_acl_arn

    def _zone_and_certificate(
        self,
    ) -> tuple[route53.IHostedZone | None, acm.ICertificate | None]:
        settings = self._settings
        if settings.certificate_arn is not None:
            arn = settings.certificate_arn
            return None, acm.Certificate.from_certificate_arn(self, "Certificate", arn)
        if settings.hosted_zone_id is None or settings.hosted_zone_name is None:
            return None, None
        zone = route53.HostedZone.from_hosted_zone_attributes(
            self,
            "Zone",
            hosted_zone_id=settings.hosted_zone_id,
            zone_name=settings.hosted_zone_name,
        )
        first, *others = settings.domain_names
        certificate = acm.Certificate(
            self,
            "Certificate",
            domain_name=first,
            subject_alternative_names=others or None,
            validation=acm.CertificateValidation.from_dns(zone),
        )
        return zone, certificate

    def _add_records(self, zone: route53.IHostedZone | None) -> None:
        if zone is None:
            return
        target = route53.RecordTarget.from_alias(targets.CloudFrontTarget(self.distribution))
        kinds = (
            [route53.ARecord] if self._settings.bind_ip else [route53.ARecord, route53.AaaaRecord]
        )
        for name in self._settings.domain_names:
            for kind in kinds:
                suffix = "A" if kind is route53.ARecord else "Aaaa"
                # A final dot: the name is whole, not below the zone once more.
                kind(self, f"{name}{suffix}", zone=zone, record_name=f"{name}.", target=target)

    def _acknowledge(self) -> None:
        site = self.distribution
        if not (self._settings.allowed_countries or self._settings.denied_countries):
            acknowledge(site, "AwsSolutions-CFR1", "Countries are the team's choice.")
        if not (self._settings.rate_limit or self._settings.web_acl_arn):
            acknowledge(
                site,
                "AwsSolutions-CFR2",
                "Everything needs a signature; site.rate_limit adds a web ACL for log-in.",
            )
        acknowledge(
            site,
            "AwsSolutions-CFR3",
            "Logs are delivered by version 2, which the rule does not know (cdk-nag 1876).",
        )
        if not self._settings.domain_names:
            acknowledge(
                site,
                "AwsSolutions-CFR4",
                "CloudFront's own name has its own certificate, whose TLS cannot be chosen.",
            )


def cors(allowed: Sequence[str]) -> cloudfront.ResponseHeadersCorsBehavior:
    """Let scripts of named sites read what their viewer may, with the viewer's cookies.

    With credentials no browser takes ``*``; so everything is named.

    Args:
        allowed: Origins, such as ``https://app.example.com``.
    """
    return cloudfront.ResponseHeadersCorsBehavior(
        access_control_allow_credentials=True,
        access_control_allow_origins=list(allowed),
        access_control_allow_methods=["GET", "HEAD", "OPTIONS"],
        access_control_allow_headers=["Range", "If-None-Match", "If-Modified-Since"],
        access_control_expose_headers=["Content-Length", "Content-Range", "ETag"],
        access_control_max_age=Duration.seconds(_PREFLIGHT_SECONDS),
        origin_override=True,
    )
