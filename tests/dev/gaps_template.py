"""A small template with all that MiniStack needs help with."""

from __future__ import annotations

import copy
from typing import Any

CODE = """
import json, os, boto3, urllib.request
from botocore.exceptions import ClientError

def tried(call, **given):
    try:
        call(SecretId=os.environ["SECRET"], **given)
    except ClientError as error:
        return error.response["Error"]["Code"]
    return "read"

def noted(name, value):
    boto3.client("ssm").put_parameter(Name=name, Value=value, Type="String", Overwrite=True)

def answered(event):
    noted("/asked", event["RequestType"])
    same = {name: event[name] for name in ("StackId", "RequestId", "LogicalResourceId")}
    data = {"KeyGroupId": "made by the function"}
    body = {**same, "Status": "SUCCESS", "PhysicalResourceId": "ring", "Data": data}
    sent = urllib.request.Request(event["ResponseURL"], json.dumps(body).encode(), method="PUT")
    urllib.request.urlopen(sent)

def handler(event, context):
    if "ResponseURL" in event:
        return answered(event)
    if "rawPath" in event:
        return {"seen": event["rawPath"]}
    if event["do"] == "note":
        return noted("/noted", event["what"])
    secrets, cloudfront = boto3.client("secretsmanager"), boto3.client("cloudfront")
    if "group" in event:
        found = cloudfront.list_distributions_by_key_group(KeyGroupId=event["group"])
        return found["DistributionIdList"]["Items"]
    return {
        "handler": os.environ["_HANDLER"],
        "endpoint": os.environ["AWS_ENDPOINT_URL"],
        "AWSCURRENT": tried(secrets.get_secret_value, VersionStage="AWSCURRENT"),
        "AWSPENDING": tried(secrets.get_secret_value, VersionStage="AWSPENDING"),
        "no stage": tried(secrets.get_secret_value),
        "written": tried(secrets.put_secret_value, SecretString="x"),
    }
"""
BROKEN: dict[str, Any] = {
    "Type": "AWS::Lambda::Url",
    "Properties": {"TargetFunctionArn": "none", "AuthType": "AWS_IAM"},
}
"""A resource that cannot be made."""


def changed(group_id: str) -> dict[str, Any]:
    """Return the template with another value of all that tests look at."""
    made = copy.deepcopy(template(group_id))
    of = {name: resource["Properties"] for name, resource in made["Resources"].items()}
    of["Parameter"]["Value"] = "two"
    of["Function"]["Environment"]["Variables"]["MORE"] = "x"
    of["Function"]["ReservedConcurrentExecutions"] = 8
    of["Secret"]["Description"] = "another key"
    of["Log"]["RetentionInDays"] = 7
    of["Delivery"]["RecordFields"] = ["date"]
    of["Alarm"]["Threshold"] = 11
    return made


def template(group_id: str) -> dict[str, Any]:
    """Return the template of a distribution that trusts a key group."""
    return {
        "Resources": {**_keys(), **_function(), **_site(group_id), **_observed()},
        "Outputs": {
            name: {"Value": value}
            for name, value in {
                **{name: {"Ref": name} for name in _REFERENCES},
                "FunctionArn": _of("Function"),
                "RoleArn": _of("Role"),
                "RingGroup": _of("Ring", "KeyGroupId"),
                "Domain": _of("Distribution", "DomainName"),
            }.items()
        },
    }


_REFERENCES = ("Bucket", "Distribution", "Function", "Log", "Parameter", "Secret")
_DISTRIBUTION_ARN = {
    "Fn::Sub": "arn:aws:cloudfront::${AWS::AccountId}:distribution/${Distribution}"
}


def _of(name: str, attribute: str = "Arn") -> dict[str, Any]:
    return {"Fn::GetAtt": [name, attribute]}


def _policy(*statements: dict[str, Any]) -> dict[str, Any]:
    return {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", **statement} for statement in statements],
    }


def _resource(kind: str, **properties: Any) -> dict[str, Any]:  # noqa: ANN401 - a template's
    return {"Type": kind, "Properties": properties}


def _keys() -> dict[str, Any]:
    denied = {
        "Effect": "Deny",
        "Principal": {"Service": "lambda.amazonaws.com"},
        "Action": "secretsmanager:DeleteSecret",
        "Resource": "*",
    }
    return {
        "Secret": _resource(
            "AWS::SecretsManager::Secret",
            Description="a key",
            GenerateSecretString={"PasswordLength": 64, "ExcludePunctuation": True},
        ),
        "SecretPolicy": _resource(
            "AWS::SecretsManager::ResourcePolicy",
            SecretId={"Ref": "Secret"},
            ResourcePolicy=_policy(denied),
        ),
        "Ring": {
            **_resource("Custom::Ring", ServiceToken=_of("Function"), ServiceTimeout=20),
            "DependsOn": ["Rights"],
        },
        "Parameter": _resource("AWS::SSM::Parameter", Type="String", Value="one"),
    }


def _function() -> dict[str, Any]:
    trust = {"Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    current = {"StringEqualsIfExists": {"secretsmanager:VersionStage": "AWSCURRENT"}}
    by_cloudfront = {
        "FunctionName": _of("Function"),
        "Principal": "cloudfront.amazonaws.com",
        "SourceArn": _DISTRIBUTION_ARN,
    }
    kind = "AWS::Lambda::Permission"
    return {
        "Role": _resource("AWS::IAM::Role", AssumeRolePolicyDocument=_policy(trust)),
        "Rights": _resource(
            "AWS::IAM::Policy",
            PolicyName="rights",
            Roles=[{"Ref": "Role"}],
            PolicyDocument=_policy(
                {
                    "Action": "secretsmanager:GetSecretValue",
                    "Resource": {"Ref": "Secret"},
                    "Condition": current,
                },
                {
                    "Action": ["ssm:PutParameter", "cloudfront:ListDistributionsByKeyGroup"],
                    "Resource": "*",
                },
            ),
        ),
        "Function": _resource(
            "AWS::Lambda::Function",
            Runtime="python3.13",
            Handler="index.handler",
            Role=_of("Role"),
            ReservedConcurrentExecutions=7,
            Timeout=20,
            Environment={"Variables": {"SECRET": {"Ref": "Secret"}}},
            Code={"ZipFile": CODE},
        ),
        "Url": _resource("AWS::Lambda::Url", TargetFunctionArn=_of("Function"), AuthType="AWS_IAM"),
        "ByUrl": _resource(
            kind, **by_cloudfront, Action="lambda:InvokeFunctionUrl", FunctionUrlAuthType="AWS_IAM"
        ),
        "ByFunction": _resource(
            kind, **by_cloudfront, Action="lambda:InvokeFunction", InvokedViaFunctionUrl=True
        ),
    }


def _control(name: str, origin: str) -> dict[str, Any]:
    return _resource(
        "AWS::CloudFront::OriginAccessControl",
        OriginAccessControlConfig={
            "Name": name,
            "OriginAccessControlOriginType": origin,
            "SigningBehavior": "always",
            "SigningProtocol": "sigv4",
        },
    )


def _site(group_id: str) -> dict[str, Any]:
    host = {"Fn::Select": [2, {"Fn::Split": ["/", _of("Url", "FunctionUrl")]}]}
    uncached = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
    origins = [
        {
            "Id": "bucket",
            "DomainName": _of("Bucket", "RegionalDomainName"),
            "OriginAccessControlId": _of("BucketControl", "Id"),
            "S3OriginConfig": {"OriginAccessIdentity": ""},
        },
        {
            "Id": "issuer",
            "DomainName": host,
            "OriginAccessControlId": _of("IssuerControl", "Id"),
            "CustomOriginConfig": {"OriginProtocolPolicy": "https-only"},
        },
    ]
    behavior = {"ViewerProtocolPolicy": "https-only", "CachePolicyId": uncached}
    return {
        "Bucket": _resource("AWS::S3::Bucket"),
        "BucketControl": _control("bucket", "s3"),
        "IssuerControl": _control("issuer", "lambda"),
        "Distribution": _resource(
            "AWS::CloudFront::Distribution",
            DistributionConfig={
                "Enabled": True,
                "Origins": origins,
                "DefaultCacheBehavior": {**behavior, "TargetOriginId": "bucket"},
                "CacheBehaviors": [
                    {**behavior, "TargetOriginId": "issuer", "PathPattern": "/auth/*"},
                    {
                        **behavior,
                        "TargetOriginId": "bucket",
                        "PathPattern": "/private/*",
                        "TrustedKeyGroups": [group_id],
                    },
                ],
            },
        ),
        "BucketPolicy": _resource(
            "AWS::S3::BucketPolicy",
            Bucket={"Ref": "Bucket"},
            PolicyDocument=_policy(
                {
                    "Principal": {"Service": "cloudfront.amazonaws.com"},
                    "Action": "s3:GetObject",
                    "Resource": {"Fn::Sub": "${Bucket.Arn}/*"},
                    "Condition": {"StringEquals": {"AWS:SourceArn": _DISTRIBUTION_ARN}},
                }
            ),
        ),
    }


def _observed() -> dict[str, Any]:
    stat = {"Metric": {"Namespace": "n", "MetricName": "m"}, "Period": 60, "Stat": "Sum"}
    compared = {"ComparisonOperator": "GreaterThanThreshold", "EvaluationPeriods": 1}
    return {
        "Log": _resource("AWS::Logs::LogGroup", RetentionInDays=30),
        "Source": _resource(
            "AWS::Logs::DeliverySource",
            Name="source",
            LogType="ACCESS_LOGS",
            ResourceArn=_DISTRIBUTION_ARN,
        ),
        "Destination": _resource(
            "AWS::Logs::DeliveryDestination",
            Name="destination",
            OutputFormat="json",
            DestinationResourceArn=_of("Log"),
        ),
        "Delivery": _resource(
            "AWS::Logs::Delivery",
            DeliverySourceName={"Ref": "Source"},
            DeliveryDestinationArn=_of("Destination"),
            RecordFields=["date", "time"],
        ),
        "Subscription": _resource(
            "AWS::CloudFront::MonitoringSubscription",
            DistributionId={"Ref": "Distribution"},
            MonitoringSubscription={},
        ),
        "Alarm": _resource(
            "AWS::CloudWatch::Alarm",
            **compared,
            Namespace="n",
            MetricName="m",
            Period=60,
            Statistic="Sum",
            Threshold=1,
        ),
        "ShareAlarm": _resource(
            "AWS::CloudWatch::Alarm",
            **compared,
            Threshold=2,
            Metrics=[
                {"Id": "share", "Expression": "100 * m / 2"},
                {"Id": "m", "ReturnData": False, "MetricStat": stat},
            ],
        ),
    }
