"""Functions of templates: what they give, and what cannot be known before a deployment."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signer.edge.intrinsics import NO_VALUE, Resolver
from signer.errors import ConfigurationError

TEMPLATE: dict[str, Any] = {
    "Parameters": {
        "Stage": {"Type": "String", "Default": "test"},
        "Count": {"Type": "Number", "Default": 2},
        "Names": {"Type": "CommaDelimitedList", "Default": "a,b"},
        "Bare": {"Type": "String"},
        "Bootstrap": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/cdk/version"},
    },
    "Mappings": {"Map": {"us-east-1": {"name": "virginia"}}},
    "Conditions": {
        "IsTest": {"Fn::Equals": [{"Ref": "Stage"}, "test"]},
        "IsNot": {"Fn::Not": [{"Condition": "IsTest"}]},
        "Both": {"Fn::And": [{"Condition": "IsTest"}, {"Condition": "IsNot"}]},
        "Either": {"Fn::Or": [{"Condition": "IsNot"}, {"Condition": "IsTest"}]},
        "Round": {"Condition": "AndRound"},
        "AndRound": {"Condition": "Round"},
        "Odd": {"Fn::Odd": []},
    },
    "Resources": {
        "Bucket": {"Type": "AWS::S3::Bucket"},
        "Named": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": {"Fn::Sub": "${Stage}"}}},
        "Circle": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": {"Ref": "Circle"}}},
        "Url": {"Type": "AWS::Lambda::Url"},
        "Broken": [],
    },
}
VALUES = {"Url.FunctionUrl": "https://abc.example/", "Told": "told", "AWS::AccountId": "1"}


def resolver(**values: str) -> Resolver:
    return Resolver(TEMPLATE, {**VALUES, **values})


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("plain", "plain"),
        (None, None),
        ({"a": [1, True, {"b": "c"}]}, {"a": [1, True, {"b": "c"}]}),
        ({"Ref": "Stage"}, "test"),
        ({"Ref": "Count"}, 2),
        ({"Ref": "Names"}, ["a", "b"]),
        ({"Ref": "Named"}, "test"),
        ({"Ref": "Told"}, "told"),
        ({"Ref": "AWS::Region"}, "us-east-1"),
        ({"Ref": "AWS::AccountId"}, "1"),
        ({"Fn::GetAtt": ["Named", "RegionalDomainName"]}, "test.s3.us-east-1.amazonaws.com"),
        ({"Fn::GetAtt": ["Named", "DomainName"]}, "test.s3.amazonaws.com"),
        ({"Fn::GetAtt": "Url.FunctionUrl"}, "https://abc.example/"),
        ({"Fn::GetAtt": ["Url", {"Fn::Sub": "FunctionUrl"}]}, "https://abc.example/"),
        ({"Fn::Join": ["-", ["a", {"Ref": "Count"}, True]]}, "a-2-true"),
        ({"Fn::Join": ["", {"Ref": "Names"}]}, "ab"),
        ({"Fn::Split": ["/", "a/b"]}, ["a", "b"]),
        ({"Fn::Select": ["1", {"Fn::Split": ["/", "a/b"]}]}, "b"),
        ({"Fn::Sub": "${Stage}-${AWS::Region}-${!Stage}-${Url.FunctionUrl}"}, None),
        ({"Fn::Sub": ["${x}${Stage}", {"x": {"Ref": "Count"}}]}, "2test"),
        ({"Fn::If": ["IsTest", "yes", {"Fn::ImportValue": "x"}]}, "yes"),
        ({"Fn::If": ["IsNot", {"Ref": "Bare"}, "no"]}, "no"),
        ({"Fn::If": ["Both", "yes", "no"]}, "no"),
        ({"Fn::If": ["Either", "yes", "no"]}, "yes"),
        ({"Fn::FindInMap": ["Map", {"Ref": "AWS::Region"}, "name"]}, "virginia"),
        ({"a": {"Ref": "AWS::NoValue"}, "b": 1}, {"b": 1}),
        ([{"Ref": "AWS::NoValue"}, 1], [1]),
        ({"Fn::If": ["IsNot", 1, {"Ref": "AWS::NoValue"}]}, NO_VALUE),
    ],
)
def test_what_is_known(given: object, found: object) -> None:
    expected = "test-us-east-1-${Stage}-https://abc.example/"
    substituted = isinstance(given, dict) and found is None
    assert resolver().value(given) == (expected if substituted else found)


@pytest.mark.parametrize(
    ("given", "needed"),
    [
        ({"Ref": "Bucket"}, "Bucket"),
        ({"Fn::GetAtt": ["Bucket", "RegionalDomainName"]}, "Bucket"),
        ({"Fn::GetAtt": ["Bucket", "Arn"]}, "Bucket.Arn"),
        ({"Fn::Sub": "https://${Bucket.Arn}"}, "Bucket.Arn"),
        ({"Ref": "Bare"}, "Bare"),
        ({"Ref": "Bootstrap"}, "Bootstrap"),
        ({"Ref": "AWS::StackName"}, "AWS::StackName"),
    ],
)
def test_what_has_to_be_told(given: object, needed: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        resolver().value(given)
    assert caught.value.code == "template_value"
    assert caught.value.evidence["needed"] == needed
    assert f'"{needed}" in [values]' in caught.value.advice
    told = resolver(**{needed: "x"})
    assert told.knows(needed)
    assert "x" in told.value(given)


@pytest.mark.parametrize(
    "given",
    [
        {"Fn::ImportValue": "x"},
        {"Fn::GetAZs": ""},
        {"Fn::Base64": "x"},
        {"Fn::Transform": {}},
        {"Ref": "Nowhere"},
        {"Ref": "Circle"},
        {"Ref": "Broken"},
        {"Ref": ["Bucket"]},
        {"Ref": "Stage", "Fn::Sub": "x"},
        {"Ref": "Stage", "other": 1},
        {"Fn::GetAtt": ["Nowhere", "Arn"]},
        {"Fn::GetAtt": "Bucket"},
        {"Fn::GetAtt": ["Circle", "DomainName"]},
        {"Fn::Join": ["", "a"]},
        {"Fn::Join": ["", [["a"]]]},
        {"Fn::Join": "a"},
        {"Fn::Split": ["", "a"]},
        {"Fn::Split": ["/", ["a"]]},
        {"Fn::Select": [2, ["a", "b"]]},
        {"Fn::Select": [-1, ["a", "b"]]},
        {"Fn::Select": [0, "a"]},
        {"Fn::Sub": ["${a}"]},
        {"Fn::Sub": "${Nowhere}"},
        {"Fn::Sub": "${}"},
        {"Fn::If": ["Nowhere", 1, 2]},
        {"Fn::If": ["Round", 1, 2]},
        {"Fn::If": ["Odd", 1, 2]},
        {"Fn::If": ["IsTest", 1]},
        {"Fn::FindInMap": ["Map", "eu-central-1", "name"]},
        {"Fn::FindInMap": ["Map"]},
        "{{resolve:secretsmanager:x:SecretString:y}}",
        {"Fn::Join": ["", ["{{resolve:ssm:", "x}}"]]},
    ],
    ids=str,
)
def test_what_cannot_be_known(given: object) -> None:
    with pytest.raises(ConfigurationError) as caught:
        resolver().value(given)
    assert caught.value.code == "template_value"
    assert caught.value.advice == ""


def test_a_handle_is_of_a_resource_or_the_id_itself() -> None:
    found = resolver()
    for one in ({"Ref": "Url"}, {"Fn::GetAtt": ["Url", "Id"]}, {"Fn::GetAtt": "Url.Id"}):
        assert found.handle(one) == "Url"
    assert found.handle({"Fn::If": ["IsTest", {"Ref": "Url"}, "x"]}) == "Url"
    assert found.handle({"Ref": "Stage"}) == "test"
    assert found.handle("id") == "id"
    with pytest.raises(ConfigurationError):
        found.handle({"Ref": "Nowhere"})


def test_items_are_opened_one_by_one() -> None:
    found = resolver()
    listed = [{"Fn::If": ["IsTest", {"Ref": "Bucket"}, 1]}, {"Ref": "AWS::NoValue"}, 2]
    assert found.items({"Fn::If": ["IsNot", [], listed]}) == [{"Ref": "Bucket"}, 2]
    assert found.items(None) == found.items({"Ref": "AWS::NoValue"}) == []
    with pytest.raises(ConfigurationError):
        found.items({"Items": []})


def test_names_that_nothing_has() -> None:
    found = resolver()
    assert all(map(found.knows, ("Bucket", "Bucket.Arn", "Stage", "AWS::AccountId")))
    assert not found.knows("Bukcet")
    assert not found.knows("Stage.Arn")


TEXT = st.text(st.characters(exclude_characters="{}$"), max_size=8)


@given(st.lists(TEXT, min_size=1, max_size=5), st.sampled_from("/-|"))
def test_what_is_split_is_joined_again(parts: list[str], delimiter: str) -> None:
    joined = {"Fn::Join": [delimiter, parts]}
    split = {"Fn::Split": [delimiter, joined]}
    assert resolver().value({"Fn::Join": [delimiter, split]}) == delimiter.join(parts)


def test_references_that_multiply_come_to_an_end() -> None:
    value: Any = "x"
    for _ in range(40):
        value = {"Fn::Sub": ["${a}${a}", {"a": value}]}
    with pytest.raises(ConfigurationError):
        resolver().value(value)
    doubled: dict[str, Any] = {
        f"C{n}": {"Fn::Or": [{"Condition": f"C{n + 1}"}] * 2} for n in range(40)
    }
    doubled["C40"] = {"Fn::Equals": ["a", "b"]}
    with pytest.raises(ConfigurationError, match="too many steps"):
        Resolver({"Conditions": doubled}, {}).value({"Fn::If": ["C0", 1, 2]})


def test_texts_do_not_grow_without_end() -> None:
    long = {"Ref": "Long"}
    assert len(resolver(Long="x" * 5000).value({"Fn::Join": ["", [long, long]]})) == 10_000
    grown = {"Fn::Join": ["", [{"Fn::Join": ["", [long, long]]}, "x"]]}
    with pytest.raises(ConfigurationError):
        resolver(Long="x" * 5001).value(grown)
