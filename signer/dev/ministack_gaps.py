"""What MiniStack's CloudFormation lacks of what the stacks of cdk/ need.

MiniStack's own interpreter runs this file. It has no ``signer``, and type checkers have no
``ministack``: this file stands alone and asks for modules by name. MiniStack's insides are not an
API, so all that is touched is named in ``TOUCHED``; run as a program, this file writes which of
that is gone, as a JSON list.
"""

# ruff: noqa: SLF001, ANN401 - all that is touched here is private and has no types
from __future__ import annotations

import contextvars
import functools
import importlib
import json
import operator
import secrets
import string
import sys
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

TOUCHED: Final = (
    "ministack.services.cloudformation:_change_sets",
    "ministack.services.cloudformation.handlers:_ACTION_HANDLERS",
    "ministack.services.cloudformation.helpers:_p",
    "ministack.services.cloudformation.provisioners:_REPLACING_PROPERTIES",
    "ministack.services.cloudformation.provisioners:_RESOURCE_HANDLERS",
    "ministack.services.cloudformation.provisioners:_cw_metric_alarm_record",
    "ministack.services.cloudformation.provisioners:_property_recreation",
    "ministack.services.cloudformation.provisioners:_sm_secret_string",
    "ministack.services.cloudformation.provisioners:_update_resource",
    "ministack.services.cloudformation.stacks:_update_resource",
    "ministack.services.cloudwatch_logs:_create_delivery",
    "ministack.services.cloudwatch_logs:_delete_delivery",
    "ministack.services.cloudwatch_logs:_delete_delivery_destination",
    "ministack.services.cloudwatch_logs:_delete_delivery_source",
    "ministack.services.cloudwatch_logs:_deliveries",
    "ministack.services.cloudwatch_logs:_put_delivery_destination",
    "ministack.services.cloudwatch_logs:_put_delivery_source",
    "ministack.services.lambda_svc:_functions",
    "ministack.services.secretsmanager:_delete_resource_policy",
    "ministack.services.secretsmanager:_put_resource_policy",
    "ministack.services.secretsmanager:_resolve",
)
"""All that is replaced or used, as ``module:name``."""

_CFN: Final = "ministack.services.cloudformation"

_WRITE_ONLY: Final = {"AWS::SecretsManager::Secret": ("SecretString", "GenerateSecretString")}
# It finds the old record by the old properties, all of which it needs.
_LEFT: Final = ("AWS::Route53::RecordSet",)

_reverting: contextvars.ContextVar[bool] = contextvars.ContextVar("reverting", default=False)


def missing(names: Collection[str] = TOUCHED) -> list[str]:
    """Return which of these names MiniStack does not have."""
    return [name for name in names if not _has(*name.split(":"))]


def close_gaps() -> None:
    """Add what is missing to the MiniStack of this process, before it starts."""
    _name_secrets_by_arn()
    _reserve_concurrency()
    _alarm_on_expressions()
    _add_types()
    _revert_drift()


def _has(module: str, name: str) -> bool:
    try:
        return hasattr(importlib.import_module(module), name)
    except ImportError:
        return False


def _module(name: str) -> Any:
    return importlib.import_module(name)


def _service(name: str) -> Any:
    return _module(f"ministack.services.{name}")


def _reserve_concurrency() -> None:
    """Give functions of templates the concurrency that is reserved for them."""
    handlers = _module(f"{_CFN}.provisioners")._RESOURCE_HANDLERS["AWS::Lambda::Function"]
    create, update = handlers["create"], handlers["update"]
    lambdas = _service("lambda_svc")

    def reserved(name: str, props: Mapping[str, Any]) -> None:
        count = props.get("ReservedConcurrentExecutions")
        lambdas._functions[name]["concurrency"] = None if count is None else int(count)

    def created(logical_id: str, props: Any, *rest: Any) -> Any:
        made = create(logical_id, props, *rest)
        reserved(made[0], props)
        return made

    def updated(pid: str, old: Any, props: Any, *rest: Any) -> Any:
        made = update(pid, old, props, *rest)
        reserved(made[0], props)
        return made

    handlers.update(create=created, update=updated)


def _name_secrets_by_arn() -> None:
    """Ref of a secret is its ARN. AWS page: "AWS::SecretsManager::Secret", return values."""
    provisioners = _module(f"{_CFN}.provisioners")
    provisioners._sm_secret_string = _secret_string
    handlers = provisioners._RESOURCE_HANDLERS["AWS::SecretsManager::Secret"]
    create, update, delete = (handlers[verb] for verb in ("create", "update", "delete"))

    def created(*given: Any) -> tuple[str, Any]:
        _, attributes = create(*given)
        return attributes["Arn"], attributes

    def updated(arn: str, *given: Any) -> tuple[str, Any]:
        _, attributes = update(_secret_name(arn), *given)
        return attributes["Arn"], attributes

    def deleted(arn: str, props: Any) -> None:
        delete(_secret_name(arn), props)

    handlers.update(create=created, update=updated, delete=deleted)


def _secret_name(arn: str) -> str:
    name, _ = _service("secretsmanager")._resolve(arn)
    return name or arn


def _secret_string(props: Mapping[str, Any]) -> str:
    """Return what a template says is in a secret; by default 32 characters, not nothing."""
    how = props.get("GenerateSecretString")
    if props.get("SecretString") or how is None:
        return str(props.get("SecretString", ""))
    signs = "" if _on(how, "ExcludePunctuation") else string.punctuation
    kinds = {
        "ExcludeLowercase": string.ascii_lowercase,
        "ExcludeUppercase": string.ascii_uppercase,
        "ExcludeNumbers": string.digits,
    }
    allowed = signs + "".join(kind for name, kind in kinds.items() if not _on(how, name))
    left = sorted(set(allowed) - set(how.get("ExcludeCharacters", "")))
    made = "".join(secrets.choice(left) for _ in range(int(how.get("PasswordLength", 32))))
    if "SecretStringTemplate" not in how:
        return made
    return json.dumps({**json.loads(how["SecretStringTemplate"]), how["GenerateStringKey"]: made})


def _on(props: Mapping[str, Any], name: str) -> bool:
    return str(props.get(name, False)).lower() == "true"


def _alarm_on_expressions() -> None:
    """Take alarms on metric math. They are kept and shown, and never find data to alarm on."""
    provisioners = _module(f"{_CFN}.provisioners")
    record = provisioners._cw_metric_alarm_record

    def recorded(name: str, props: Mapping[str, Any]) -> Any:
        if not props.get("Metrics"):
            return record(name, props)
        stand_in = {"MetricName": "expression", "Namespace": "none", "Metrics": None}
        return {**record(name, {**props, **stand_in}), "Metrics": props["Metrics"]}

    provisioners._cw_metric_alarm_record = recorded


def _add_types() -> None:
    logs = _service("cloudwatch_logs")
    types = _module(f"{_CFN}.provisioners")._RESOURCE_HANDLERS
    types["AWS::Logs::DeliverySource"] = {
        "create": _put_source,
        "update": lambda pid, _, props, stack: _put_source(pid, props, stack),
        "delete": lambda pid, _: _done(logs._delete_delivery_source, {"name": pid}),
    }
    types["AWS::Logs::DeliveryDestination"] = {
        "create": _put_destination,
        "update": lambda pid, _, props, stack: _put_destination(pid, props, stack),
        "delete": lambda pid, _: _done(logs._delete_delivery_destination, {"name": pid}),
    }
    types["AWS::Logs::Delivery"] = {
        "create": _create_delivery,
        "update": _update_delivery,
        "delete": lambda pid, _: _done(logs._delete_delivery, {"id": pid}),
    }
    # CloudFront of MiniStack measures nothing that one could subscribe to.
    types["AWS::CloudFront::MonitoringSubscription"] = {
        "create": lambda _, props, __: (props["DistributionId"], {}),
        "update": lambda pid, *_: (pid, {}),
        "delete": lambda *_: None,
    }
    policy = _service("secretsmanager")._delete_resource_policy
    types["AWS::SecretsManager::ResourcePolicy"] = {
        "create": _put_policy,
        "update": lambda pid, _, props, stack: _put_policy(pid, props, stack),
        "delete": lambda pid, _: _done(policy, {"SecretId": pid}),
    }


def _done(call: Callable[[Any], Any], request: Mapping[str, Any]) -> Any:
    status, _, body = call(dict(request))
    if status >= 400:  # noqa: PLR2004 - where errors begin in HTTP
        raise ValueError(body.decode() if isinstance(body, bytes) else str(body))
    return json.loads(body or "{}")


def _put_source(_: str, props: Mapping[str, Any], __: str) -> tuple[str, Any]:
    request = {
        "name": props["Name"],
        "resourceArn": props["ResourceArn"],
        "logType": props["LogType"],
    }
    made = _done(_service("cloudwatch_logs")._put_delivery_source, request)["deliverySource"]
    return made["name"], {
        "Arn": made["arn"],
        "Service": made["service"],
        "ResourceArns": made["resourceArns"],
    }


def _put_destination(_: str, props: Mapping[str, Any], __: str) -> tuple[str, Any]:
    target = {"destinationResourceArn": props["DestinationResourceArn"]}
    request = {
        "name": props["Name"],
        "outputFormat": props.get("OutputFormat", "json"),
        "deliveryDestinationConfiguration": target,
    }
    put = _service("cloudwatch_logs")._put_delivery_destination
    made = _done(put, request)["deliveryDestination"]
    return made["name"], {
        "Arn": made["arn"],
        "DeliveryDestinationType": made["deliveryDestinationType"],
    }


def _create_delivery(_: str, props: Mapping[str, Any], __: str) -> tuple[str, Any]:
    request = {
        "deliverySourceName": props["DeliverySourceName"],
        "deliveryDestinationArn": props["DeliveryDestinationArn"],
        "recordFields": props.get("RecordFields", []),
        "fieldDelimiter": props.get("FieldDelimiter", ""),
    }
    made = _done(_service("cloudwatch_logs")._create_delivery, request)["delivery"]
    return made["id"], {
        "Arn": made["arn"],
        "DeliveryId": made["id"],
        "DeliveryDestinationType": made["deliveryDestinationType"],
    }


def _update_delivery(pid: str, old: Any, props: Any, stack: str) -> tuple[str, Any]:
    """The fields change in place; the two ends of a delivery make it another one."""
    ends = operator.itemgetter("DeliverySourceName", "DeliveryDestinationArn")
    known = _service("cloudwatch_logs")._deliveries.get(pid)
    if known is None or ends(old) != ends(props):
        return _create_delivery(pid, props, stack)
    known["recordFields"] = list(props.get("RecordFields", []))
    known["fieldDelimiter"] = props.get("FieldDelimiter", "")
    return pid, {
        "Arn": known["arn"],
        "DeliveryId": pid,
        "DeliveryDestinationType": known["deliveryDestinationType"],
    }


def _put_policy(_: str, props: Mapping[str, Any], __: str) -> tuple[str, Any]:
    document = props["ResourcePolicy"]
    text = document if isinstance(document, str) else json.dumps(document)
    request = {"SecretId": props["SecretId"], "ResourcePolicy": text}
    made = _done(_service("secretsmanager")._put_resource_policy, request)
    return made["ARN"], {"Id": made["ARN"]}


def _revert_drift() -> None:
    """Take change sets with DeploymentMode REVERT_DRIFT (API_CreateChangeSet).

    AWS finds out what differs from the template; here all properties that can be read back and
    changed in place are written anew. A custom resource has none: its function is not called.
    """
    actions = _module(f"{_CFN}.handlers")._ACTION_HANDLERS
    create, execute = actions["CreateChangeSet"], actions["ExecuteChangeSet"]
    read = _module(f"{_CFN}.helpers")._p

    def created(params: Any) -> Any:
        answer = create(params)
        if read(params, "DeploymentMode") == "REVERT_DRIFT":
            for change_set in _asked(params, read):
                change_set["_revert_drift"] = True
                if not change_set["Changes"]:
                    change_set.update(
                        Status="CREATE_COMPLETE", ExecutionStatus="AVAILABLE", StatusReason=""
                    )
        return answer

    def executed(params: Any) -> Any:
        reverts = any(each.get("_revert_drift") for each in _asked(params, read))
        token = _reverting.set(reverts)
        try:
            return execute(params)
        finally:
            _reverting.reset(token)

    actions.update(CreateChangeSet=created, ExecuteChangeSet=executed)
    _write_anew()


def _asked(params: Any, read: Callable[..., str]) -> list[dict[str, Any]]:
    """Return the change sets that a request names, by id or by name and stack."""
    name, stack = read(params, "ChangeSetName"), read(params, "StackName")
    return [
        each
        for each in _module(_CFN)._change_sets.values()
        if name == each["ChangeSetId"]
        or (name == each["ChangeSetName"] and stack in (each["StackName"], each["StackId"]))
    ]


def _write_anew() -> None:
    provisioners, stacks = _module(f"{_CFN}.provisioners"), _module(f"{_CFN}.stacks")
    update = provisioners._update_resource

    @functools.wraps(update)
    def updated(kind: str, pid: str, old: Any, new: Any, *rest: Any) -> Any:
        changeable = "update" in provisioners._RESOURCE_HANDLERS.get(kind, {})
        if _reverting.get() and old == new and changeable and kind not in _LEFT:
            old = {name: new[name] for name in new if not _in_place(kind, name)}
        return update(kind, pid, old, new, *rest)

    provisioners._update_resource = stacks._update_resource = updated


def _in_place(kind: str, name: str) -> bool:
    """Tell whether a property is written anew: not what makes another resource of it."""
    provisioners = _module(f"{_CFN}.provisioners")
    if name in _WRITE_ONLY.get(kind, ()):
        return False
    if kind in provisioners._REPLACING_PROPERTIES:
        return bool(provisioners._property_recreation(kind, name) == "Never")
    # It has no list for this type; these are what replaces any of those in our stacks.
    return not name.endswith(("Name", "Id", "Arn", "Bucket"))


if __name__ == "__main__":
    json.dump(missing([*TOUCHED, *sys.argv[1:]]), sys.stdout)
