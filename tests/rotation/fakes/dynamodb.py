# ruff: noqa: N803 - boto3's names
"""DynamoDB: tables of items that are written under a condition."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.rotation.fakes.clock import Clock

MAX_ITEM_BYTES = 400 * 1024
_ABSENT = re.compile(r"attribute_not_exists\((#\w+)\)")
_EQUAL = re.compile(r"(#\w+) = (:\w+)")

Item = dict[str, Any]


@dataclass
class StoredTable:
    """A table with a partition key; by its value the items now, and before their last write."""

    name: str
    key: str
    active_at: float
    items: dict[str, Item] = field(default_factory=dict)
    before: dict[str, Item] = field(default_factory=dict)


class FakeDynamoDb:
    """A boto3 client of DynamoDB (not a resource: values are ``{"S": ...}``).

    Reads that are not consistent answer with what was there before the last write.

    Attributes:
        tables: By their names.
        seconds_to_create: How long a new table cannot be used.
    """

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.tables: dict[str, StoredTable] = {}
        self.seconds_to_create = 0.0

    def create_table(
        self,
        *,
        TableName: str,
        AttributeDefinitions: Sequence[Mapping[str, str]],
        KeySchema: Sequence[Mapping[str, str]],
        BillingMode: str = "PROVISIONED",
        ProvisionedThroughput: Mapping[str, int] | None = None,
    ) -> dict[str, Any]:
        if TableName in self.tables:
            raise self.clock.refused("CreateTable", "ResourceInUseException")
        [key] = KeySchema
        defined = [dict(one) for one in AttributeDefinitions]
        fits = {"AttributeName": key["AttributeName"], "AttributeType": "S"} in defined
        if not fits or key["KeyType"] != "HASH" or len(defined) != 1:
            raise self.clock.refused("CreateTable", "ValidationException")
        if (BillingMode == "PAY_PER_REQUEST") == (ProvisionedThroughput is not None):
            raise self.clock.refused("CreateTable", "ValidationException")
        made = StoredTable(TableName, key["AttributeName"], self.clock.now + self.seconds_to_create)
        self.tables[TableName] = made
        return self.clock.answer(TableDescription=self._description(made))

    def describe_table(self, *, TableName: str) -> dict[str, Any]:
        if TableName not in self.tables:
            raise self.clock.refused("DescribeTable", "ResourceNotFoundException")
        return self.clock.answer(Table=self._description(self.tables[TableName]))

    def get_item(
        self, *, TableName: str, Key: Mapping[str, Any], ConsistentRead: bool = False
    ) -> dict[str, Any]:
        table = self._table("GetItem", TableName)
        if Key.keys() != {table.key}:
            raise self.clock.refused("GetItem", "ValidationException")
        items = table.items if ConsistentRead else table.before
        found = items.get(Key[table.key]["S"])
        return self.clock.answer(**({"Item": dict(found)} if found is not None else {}))

    def put_item(
        self,
        *,
        TableName: str,
        Item: Mapping[str, Any],
        ConditionExpression: str | None = None,
        ExpressionAttributeNames: Mapping[str, str] | None = None,
        ExpressionAttributeValues: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        table = self._table("PutItem", TableName)
        key = Item.get(table.key, {}).get("S")
        if not key or _size(Item) > MAX_ITEM_BYTES:
            raise self.clock.refused("PutItem", "ValidationException")
        there = table.items.get(key)
        names, values = ExpressionAttributeNames or {}, ExpressionAttributeValues or {}
        if not self._holds(ConditionExpression, names, values, there):
            raise self.clock.refused("PutItem", "ConditionalCheckFailedException")
        if there is not None:
            table.before[key] = there
        table.items[key] = dict(Item)
        return self.clock.answer()

    def _holds(
        self,
        condition: str | None,
        names: Mapping[str, str],
        values: Mapping[str, Any],
        there: Item | None,
    ) -> bool:
        absent, equal = _ABSENT.fullmatch(condition or ""), _EQUAL.fullmatch(condition or "")
        used = absent.groups() if absent else equal.groups() if equal else ()
        # AWS refuses names and values that are missing and ones that are not used.
        if {*used} != {*names, *values} or (condition and not used):
            raise self.clock.refused("PutItem", "ValidationException")
        if absent:
            return names[used[0]] not in (there or {})
        if equal:
            return there is not None and there.get(names[used[0]]) == values[used[1]]
        return True

    def _table(self, operation: str, name: str) -> StoredTable:
        table = self.tables.get(name)
        if table is None or table.active_at > self.clock.now:
            raise self.clock.refused(operation, "ResourceNotFoundException")
        return table

    def _description(self, table: StoredTable) -> dict[str, Any]:
        creating = table.active_at > self.clock.now
        return {"TableName": table.name, "TableStatus": "CREATING" if creating else "ACTIVE"}


def _size(item: Mapping[str, Any]) -> int:
    """Return about how much an item takes, and check the types of its values."""
    total = 0
    for name, value in item.items():
        [(kind, content)] = value.items()
        if kind not in {"S", "N", "BOOL"} or (kind != "BOOL" and not isinstance(content, str)):
            raise TypeError(f"{name} is not a value of the low-level client")
        total += len(name) + len(str(content).encode())
    return total
