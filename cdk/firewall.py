"""A web ACL that slows down whoever tries log-in again and again."""

from __future__ import annotations

from aws_cdk import aws_wafv2 as waf
from constructs import Construct


def rate_limiting_acl(scope: Construct, construct_id: str, *, requests: int) -> waf.CfnWebACL:
    """Make a web ACL for CloudFront, in us-east-1.

    Args:
        scope: Where it belongs.
        construct_id: Its name there.
        requests: To the issuer in five minutes from one address; more get 403.

    Returns:
        The web ACL; its ``attr_arn`` goes into a distribution's ``web_acl_id``.
    """

    def seen(name: str) -> waf.CfnWebACL.VisibilityConfigProperty:
        return waf.CfnWebACL.VisibilityConfigProperty(
            cloud_watch_metrics_enabled=True, metric_name=name, sampled_requests_enabled=False
        )

    # So that /%61uth/ and /x/../auth/ count as well, which CloudFront may take for the same.
    plain = [
        waf.CfnWebACL.TextTransformationProperty(priority=number, type=kind)
        for number, kind in enumerate(("URL_DECODE", "NORMALIZE_PATH"))
    ]
    asked = [
        waf.CfnWebACL.StatementProperty(
            byte_match_statement=waf.CfnWebACL.ByteMatchStatementProperty(
                field_to_match=waf.CfnWebACL.FieldToMatchProperty(uri_path={}),
                positional_constraint=where,
                search_string=text,
                text_transformations=plain,
            )
        )
        for where, text in (("STARTS_WITH", "/auth/"), ("ENDS_WITH", "/url"))
    ]
    limit = waf.CfnWebACL.RateBasedStatementProperty(
        aggregate_key_type="IP",
        limit=requests,
        evaluation_window_sec=300,
        scope_down_statement=waf.CfnWebACL.StatementProperty(
            or_statement=waf.CfnWebACL.OrStatementProperty(statements=asked)
        ),
    )
    return waf.CfnWebACL(
        scope,
        construct_id,
        scope="CLOUDFRONT",
        default_action=waf.CfnWebACL.DefaultActionProperty(allow={}),
        visibility_config=seen("site"),
        rules=[
            waf.CfnWebACL.RuleProperty(
                name="log-in-rate",
                priority=0,
                action=waf.CfnWebACL.RuleActionProperty(block={}),
                statement=waf.CfnWebACL.StatementProperty(rate_based_statement=limit),
                visibility_config=seen("log-in-rate"),
            )
        ],
    )
