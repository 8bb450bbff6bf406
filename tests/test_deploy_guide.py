"""docs/deploy.md and docs/presigned.md show what is so."""

from __future__ import annotations

import importlib
import re
import tomllib
from pathlib import Path

import aws_cdk
import pytest

from cdk.config import Config
from cdk.settings_file import filled
from tests.cdk.templates import template_of

ROOT = Path(__file__).resolve().parent.parent
GUIDE = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
PRESIGNED = (ROOT / "docs" / "presigned.md").read_text(encoding="utf-8")


def fenced(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("text", [*fenced(GUIDE, "toml"), *fenced(PRESIGNED, "toml")])
def test_configurations_are_taken(text: str) -> None:
    assert filled(Config, tomllib.loads(text), ROOT).name


def test_one_construct_works_in_another_app(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    [example] = fenced(GUIDE, "python")
    made: list[aws_cdk.App] = []

    class Watched(aws_cdk.App):  # type: ignore[misc] # the CDK is not read by mypy
        def __init__(self) -> None:
            super().__init__(outdir=str(tmp_path))
            made.append(self)

    monkeypatch.setattr(aws_cdk, "App", Watched)
    exec(example, {})
    template = made[0].synth().get_stack_by_name("mine").template
    kinds = {one["Type"] for one in template["Resources"].values()}
    assert "Custom::SigningKeyRing" in kinds
    assert "AWS::CloudFront::Distribution" not in kinds


def test_outputs_are_those_of_the_stack() -> None:
    [table] = re.findall(r"\| output \| for \|\n(.*?)\n\n", GUIDE, re.DOTALL)
    named = set(re.findall(r"`([A-Z]\w+)`", table))
    assert named == set(template_of()["Outputs"])


def test_constructs_are_where_it_says() -> None:
    found = re.findall(r"^\| `(cdk\.\w+)\.(\w+)` \|", GUIDE, re.MULTILINE)
    assert len(found) == 4
    for module, name in found:
        assert getattr(importlib.import_module(module), name).__doc__


def test_every_command_is_one_that_there_is() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    for command in re.findall(r"^\s*make ([a-z]+)", GUIDE, re.MULTILINE):
        assert command in targets
    for named in re.findall(r"`(tests/[\w/]+\.py)`", GUIDE + PRESIGNED):
        assert (ROOT / named).is_file(), named
