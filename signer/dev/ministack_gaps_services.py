"""What MiniStack's services lack of what the stacks of cdk/ need: CloudFront, functions, policies.

As ministack_gaps.py, this file stands alone, is run by MiniStack's own interpreter, and names all
that it touches.
"""

# ruff: noqa: SLF001, ANN401 - all that is touched here is private and has no types
from __future__ import annotations

import contextvars
import importlib
import json
import re
import sys
from collections.abc import Collection
from typing import Any, Final

TOUCHED: Final = (
    "ministack.app:_parse_lambda_url",
    "ministack.app:_port_is_bindable",
    "ministack.app:pin_request_origin",
    "ministack.core.iam_actions:extract_resource_arn",
    "ministack.core.iam_actions:request_tag_context",
    "ministack.core.iam_evaluator:EvalContext",
    "ministack.core.iam_evaluator:evaluate_resource_policy",
    "ministack.core.lambda_runtime:_PYTHON_WORKER_SCRIPT",
    "ministack.core.tls:use_ssl_enabled",
    "ministack.services.cloudfront:SubElement",
    "ministack.services.cloudfront:_build_distribution_xml",
    "ministack.services.cloudfront:_ensure_distribution_config_sdk_compat",
    "ministack.services.cloudfront:_error",
    "ministack.services.cloudfront:_fetch_from_function_url_origin",
    "ministack.services.cloudfront:_fetch_from_origin",
    "ministack.services.cloudfront:_key_groups",
    "ministack.services.cloudfront:_key_groups_using",
    "ministack.services.cloudfront:_trusted_key_group_ids",
    "ministack.services.cloudfront:_xml_response",
    "ministack.services.cloudfront:handle_request",
    "ministack.services.lambda_svc:_functions",
    "ministack.services.lambda_svc:resolve_function_url",
    "ministack.services.scheduler:_SCHEDULE_TICK_INTERVAL",
)
"""All that is replaced or used, as ``module:name``."""

_ENVIRONMENT_LINE: Final = "    os.environ.update(env)\n"
# What reads it looks for the scheme alone: MiniStack does not check what its root signs.
_SIGNED: Final = (
    "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/lambda/aws4_request,"
    " SignedHeaders=host, Signature=0"
)

_distribution: contextvars.ContextVar[str] = contextvars.ContextVar("distribution", default="")


def missing(names: Collection[str] = TOUCHED) -> list[str]:
    """Return which of these names MiniStack does not have."""
    return [name for name in names if not _has(*name.split(":"))]


def close_gaps() -> None:
    """Add what is missing to the MiniStack of this process, before it starts."""
    _bind_one_port()
    _count_loopback_as_secure()
    _tell_functions_their_handler()
    _tell_policies_the_stage()
    _name_logs_as_aws_does()
    _list_distributions_by_key_group()
    _tell_active_keys()
    _call_functions_as_cloudfront()
    # It looks every ten seconds for schedules that are due, and nobody waits that long.
    _service("scheduler")._SCHEDULE_TICK_INTERVAL = 1


def _name_logs_as_aws_does() -> None:
    """Streams are below their group. AWS page: "Actions ... for Amazon CloudWatch Logs"."""
    actions: Any = importlib.import_module("ministack.core.iam_actions")
    extract = actions.extract_resource_arn

    def extracted(service: str, *given: Any, **named: Any) -> Any:
        arn = extract(service, *given, **named)
        if service == "logs" and isinstance(arn, str) and ":log-group:" in arn:
            return arn if arn.endswith("*") else f"{arn}:log-stream:"
        return arn

    actions.extract_resource_arn = extracted


def _has(module: str, name: str) -> bool:
    try:
        return hasattr(importlib.import_module(module), name)
    except ImportError:
        return False


def _module(name: str) -> Any:
    return importlib.import_module(name)


def _service(name: str) -> Any:
    return _module(f"ministack.services.{name}")


def _bind_one_port() -> None:
    """With TLS it takes port 443 too, for token issuers that nobody has here."""
    _module("ministack.app")._port_is_bindable = lambda *_: False


def _count_loopback_as_secure() -> None:
    """Without TLS, what is asked counts as asked by TLS: buckets refuse anything else."""
    if _module("ministack.core.tls").use_ssl_enabled():
        return
    app = _module("ministack.app")
    pin = app.pin_request_origin
    app.pin_request_origin = lambda source_ip, _: pin(source_ip, True)  # noqa: FBT003 - its own


def _tell_functions_their_handler() -> None:
    """Set ``_HANDLER``. AWS page: "Defined runtime environment variables" (lambda)."""
    runtime = _module("ministack.core.lambda_runtime")
    script = runtime._PYTHON_WORKER_SCRIPT
    if _ENVIRONMENT_LINE not in script:
        raise RuntimeError("MiniStack starts functions in another way: look at ministack_gaps.py")
    more = '    os.environ["_HANDLER"] = init["module"] + "." + init["handler"]\n'
    runtime._PYTHON_WORKER_SCRIPT = script.replace(_ENVIRONMENT_LINE, _ENVIRONMENT_LINE + more, 1)


def _tell_policies_the_stage() -> None:
    """Give policies ``secretsmanager:VersionStage``, if the request has one."""
    actions = _module("ministack.core.iam_actions")
    context = actions.request_tag_context

    def told(service: str, action: str, body: bytes, params: Any) -> dict[str, Any]:
        known: dict[str, Any] = context(service, action, body, params)
        if service == "secretsmanager" and b'"VersionStage"' in (body or b""):
            known = {**known, "secretsmanager:versionstage": json.loads(body)["VersionStage"]}
        return known

    actions.request_tag_context = told


def _list_distributions_by_key_group() -> None:
    """Answer ListDistributionsByKeyGroup (API_ListDistributionsByKeyGroup)."""
    cloudfront = _service("cloudfront")
    answer = cloudfront.handle_request

    async def answered(method: str, path: str, *rest: Any) -> Any:
        asked = re.fullmatch(r"/2020-05-31/distributionsByKeyGroupId/([^/]+)/?", path)
        if not asked or method != "GET":
            return await answer(method, path, *rest)
        if asked[1] not in cloudfront._key_groups:
            return cloudfront._error("NoSuchResource", "The key group does not exist.", 404)
        found = cloudfront._key_groups_using(asked[1])

        def build(root: Any) -> None:
            cloudfront.SubElement(root, "MaxItems").text = "100"
            cloudfront.SubElement(root, "IsTruncated").text = "false"
            items = _listed(root, "DistributionId", len(found))
            for item, distribution in zip(items, found, strict=True):
                item.text = distribution

        return cloudfront._xml_response("DistributionIdList", build)

    cloudfront.handle_request = answered


def _tell_active_keys() -> None:
    """Show ActiveTrustedKeyGroups of a distribution (API_Distribution), and all ports."""
    cloudfront = _service("cloudfront")
    build = cloudfront._build_distribution_xml

    def built(parent: Any, distribution: Any) -> None:
        build(parent, distribution)
        trusted = sorted(cloudfront._trusted_key_group_ids(distribution))
        active = cloudfront.SubElement(parent, "ActiveTrustedKeyGroups")
        cloudfront.SubElement(active, "Enabled").text = str(bool(trusted)).lower()
        for group_id, group in zip(trusted, _listed(active, "KeyGroup", len(trusted)), strict=True):
            cloudfront.SubElement(group, "KeyGroupId").text = group_id
            known = cloudfront._key_groups.get(group_id)
            keys = known["Config"].get("Items", []) if known else []
            pairs = cloudfront.SubElement(group, "KeyPairIds")
            for key, pair in zip(keys, _listed(pairs, "KeyPairId", len(keys)), strict=True):
                pair.text = key

    cloudfront._build_distribution_xml = built
    complete = cloudfront._ensure_distribution_config_sdk_compat

    def completed(config: Any) -> None:
        complete(config)
        for origin in config.findall(".//CustomOriginConfig"):
            for name, port in (("HTTPPort", "80"), ("HTTPSPort", "443")):
                if origin.find(name) is None:
                    cloudfront.SubElement(origin, name).text = port

    cloudfront._ensure_distribution_config_sdk_compat = completed


def _listed(parent: Any, tag: str, count: int) -> list[Any]:
    child = _service("cloudfront").SubElement
    child(parent, "Quantity").text = str(count)
    items = child(parent, "Items") if count else None
    return [child(items, tag) for _ in range(count)]


def _call_functions_as_cloudfront() -> None:
    """Have origin access control sign for a Function URL, if its function lets CloudFront in.

    AWS page: "Restrict access to an AWS Lambda function URL origin". Both permissions are needed.
    """
    cloudfront = _service("cloudfront")
    fetch, call = cloudfront._fetch_from_origin, cloudfront._fetch_from_function_url_origin

    async def fetched(*given: Any) -> Any:
        token = _distribution.set(given[-1])
        try:
            return await fetch(*given)
        finally:
            _distribution.reset(token)

    async def called(host: str, origin: Any, verb: str, uri: str, query: str, *more: Any) -> Any:
        headers, *rest = more
        if origin.get("oac_id"):
            if not _cloudfront_may_call(host, _distribution.get()):
                denied = [("Content-Type", "application/json")]
                return 403, "Forbidden", denied, b'{"Message":"Forbidden"}'
            headers = {**headers, "authorization": _SIGNED}
        return await call(host, origin, verb, uri, query, headers, *rest)

    cloudfront._fetch_from_origin = fetched
    cloudfront._fetch_from_function_url_origin = called


def _cloudfront_may_call(host: str, distribution: str) -> bool:
    lambdas, evaluator = _service("lambda_svc"), _module("ministack.core.iam_evaluator")
    url_id, _ = _module("ministack.app")._parse_lambda_url(host, "/")
    account, region, name, _, config = lambdas.resolve_function_url(url_id)
    needed = {
        "lambda:InvokeFunctionUrl": {"lambda:functionurlauthtype": config["AuthType"]},
        "lambda:InvokeFunction": {"lambda:invokedviafunctionurl": "true"},
    }
    policy = lambdas._functions[name]["policy"]
    return all(
        evaluator.evaluate_resource_policy(
            policy,
            evaluator.EvalContext(
                principal_arn="*",
                principal_type="Service",
                principal_account="",
                action=action,
                resource_arn=f"arn:aws:lambda:{region}:{account}:function:{name}",
                region=region,
                service_context={"aws:sourcearn": distribution, **keys},
            ),
            service="cloudfront.amazonaws.com",
        ).decision
        == "Allow"
        for action, keys in needed.items()
    )


if __name__ == "__main__":
    json.dump(missing([*TOUCHED, *sys.argv[1:]]), sys.stdout)
