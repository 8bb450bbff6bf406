"""Draw the stack of cdk/ as it is synthesized: the picture in docs/architecture.md.

    python tools/draw_stack.py            write the picture again
    python tools/draw_stack.py --check    fail if it is not what the template says

Boxes are resources, arrows are references of one to another in the template, through the roles and
policies between them. What only serves another resource is left out.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parent.parent
PAGE: Final = ROOT / "docs" / "architecture.md"
BEGIN, END = "<!-- stack: begin -->", "<!-- stack: end -->"

# Logical ids begin with the name of their construct.
GROUPS: Final = MappingProxyType(
    {
        "Site": "PrivateDistribution",
        "Issuer": "Issuer",
        "Keys": "Keyring",
        "Watching": "Observability",
    }
)
SHOWN: Final = MappingProxyType(
    {
        "AWS::CloudFront::Distribution": "CloudFront distribution",
        "AWS::CloudWatch::Alarm": "alarms",
        "AWS::CloudWatch::Dashboard": "dashboard",
        "AWS::DynamoDB::Table": "ring table",
        "AWS::Events::Rule": "audit rule",
        "AWS::Lambda::Function": "function",
        "AWS::Logs::Delivery": "log delivery",
        "AWS::S3::Bucket": "private bucket",
        "AWS::SNS::Topic": "topic",
        "AWS::SSM::Parameter": "base URL",
        "AWS::Scheduler::Schedule": "schedule",
        "AWS::SecretsManager::Secret": "secret",
        "Custom::SigningKeyRing": "key group, made once",
    }
)
_FIRST_WORDS: Final = re.compile(r"[A-Z][a-z]+")


def main() -> int:
    """Write the picture, or compare it."""
    parser = argparse.ArgumentParser(description="Draw the stack in docs/architecture.md.")
    parser.add_argument("--check", action="store_true", help="fail if it is not up to date")
    check: bool = parser.parse_args().check
    sys.path.insert(0, str(ROOT))
    from tests.cdk.templates import LOGIN, template_of  # noqa: PLC0415 - slow, and not for --help

    page = PAGE.read_text(encoding="utf-8")
    wanted = with_picture(page, picture(template_of(issuer=LOGIN)))
    if check:
        return 0 if page == wanted else 1
    PAGE.write_text(wanted, encoding="utf-8")
    return 0


def with_picture(page: str, drawn: str) -> str:
    """Return a page with the picture between its two marks."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n```mermaid\n{drawn}```\n\n{END}{after}"


def picture(template: Mapping[str, Any]) -> str:
    """Return the flow chart of a template."""
    resources = template["Resources"]
    boxes = {name: _label(name, one["Type"]) for name, one in resources.items() if _box(one)}
    merged = {name: f"{group_of(name)}{label}" for name, label in boxes.items()}
    lines = ["flowchart LR"]
    for group, title in GROUPS.items():
        labels = dict.fromkeys(boxes[name] for name in boxes if group_of(name) == group)
        inside = [f'    {_id(group + label)}["{label}"]' for label in labels]
        lines += [f'  subgraph {group}["{title}"]', *inside, "  end"]
    arrows = {
        (merged[name], merged[other])
        for name in boxes
        for other in _reached(name, resources, set(boxes))
        if merged[name] != merged[other]
    }
    lines += [f"  {_id(one)} --> {_id(other)}" for one, other in sorted(arrows)]
    return "\n".join(lines) + "\n"


def group_of(name: str) -> str:
    """Return the construct that a resource belongs to."""
    return next((group for group in GROUPS if name.startswith(group)), "Site")


def _box(resource: Mapping[str, Any]) -> bool:
    return resource["Type"] in SHOWN


def _label(name: str, kind: str) -> str:
    if kind not in {"AWS::SecretsManager::Secret", "AWS::Lambda::Function"}:
        return SHOWN[kind]
    group = group_of(name)
    words = _FIRST_WORDS.findall(name.removeprefix(group))
    purpose = " ".join(word.lower() for word in words if word != "Function")
    return f"{purpose} {SHOWN[kind]}"


def _reached(name: str, resources: Mapping[str, Any], boxes: set[str]) -> set[str]:
    """Return the boxes that a resource refers to, itself or through what is not shown."""
    found: set[str] = set()
    seen = {name}
    waiting = [name]
    while waiting:
        one = waiting.pop()
        for other in _referred(one, resources):
            if other in seen:
                continue
            seen.add(other)
            if other in boxes:
                found.add(other)
            else:
                waiting.append(other)
    return found


def _referred(name: str, resources: Mapping[str, Any]) -> Iterator[str]:
    yield from _references(resources[name].get("Properties", {}), resources)
    if resources[name]["Type"] != "AWS::IAM::Role":
        return
    # What a role may touch is said by policies that refer to it.
    for policy in resources.values():
        if policy["Type"] == "AWS::IAM::Policy" and {"Ref": name} in policy["Properties"]["Roles"]:
            yield from _references(policy["Properties"]["PolicyDocument"], resources)


def _references(value: object, resources: Mapping[str, Any]) -> Iterator[str]:
    if isinstance(value, Mapping):
        target = value.get("Ref") or (value.get("Fn::GetAtt") or [None])[0]
        if isinstance(target, str) and target in resources:
            yield target
        for inner in value.values():
            yield from _references(inner, resources)
    elif isinstance(value, list):
        for inner in value:
            yield from _references(inner, resources)


def _id(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "_", text)


if __name__ == "__main__":
    sys.exit(main())
