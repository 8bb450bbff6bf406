# ruff: noqa: N803 - boto3's names
"""CloudFront's control plane: public keys, key groups, and which distributions use them."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from signer.errors import KeyMaterialError
from signer.keys import PublicKey
from tests.rotation.fakes.clock import Clock

MAX_KEYS_IN_GROUP = 5
MAX_COMMENT = 128
# Assumed: CloudFront's console takes these characters, its API reference does not say.
_NAME = re.compile(r"[A-Za-z0-9_-]{1,128}")


@dataclass
class StoredKey:
    """A public key; only its comment could ever be changed."""

    id: str
    config: dict[str, str]
    public_key: PublicKey
    etag: str
    created: object

    @property
    def name(self) -> str:
        return self.config["Name"]


@dataclass
class StoredGroup:
    """A key group."""

    id: str
    name: str
    items: tuple[str, ...]
    comment: str
    etag: str
    modified: object

    @property
    def config(self) -> dict[str, Any]:
        return {"Name": self.name, "Items": list(self.items), "Comment": self.comment}


@dataclass
class StoredDistribution:
    """A distribution with cache behaviors that trust key groups.

    Attributes:
        id: Its id.
        key_groups: Ids of the groups that it trusts.
        status: ``Deployed`` or ``InProgress``.
        active: What ActiveTrustedKeyGroups tells, by group; None for what the groups hold now.
        enabled: Whether it answers viewers.
    """

    id: str
    key_groups: list[str]
    status: str = "Deployed"
    active: dict[str, tuple[str, ...]] | None = field(default=None)
    enabled: bool = True


class Membership(NamedTuple):
    """What a group held from a moment on; no items once it is deleted."""

    at: float
    items: tuple[str, ...]
    group_id: str


class FakeCloudFront:
    """A boto3 client of CloudFront."""

    def __init__(self, clock: Clock, *, page_size: int = 100) -> None:
        self.clock = clock
        self.page_size = page_size
        self.max_public_keys = 10
        self.max_key_groups = 10
        self.public_keys: dict[str, StoredKey] = {}
        self.key_groups: dict[str, StoredGroup] = {}
        self.distributions: dict[str, StoredDistribution] = {}
        self.history: list[Membership] = []
        self._made = 0

    def add_distribution(self, *key_group_ids: str, status: str = "Deployed") -> StoredDistribution:
        """Let there be a distribution that trusts these groups."""
        made = StoredDistribution(self._next("E"), list(key_group_ids), status)
        self.distributions[made.id] = made
        return made

    # Public keys.

    def create_public_key(self, *, PublicKeyConfig: Mapping[str, str]) -> dict[str, Any]:
        refused = self._refuses("CreatePublicKey")
        config = {"Comment": "", **PublicKeyConfig}
        if config.keys() != {"CallerReference", "Name", "EncodedKey", "Comment"}:
            raise TypeError("PublicKeyConfig has the wrong members")
        if not _NAME.fullmatch(config["Name"]) or len(config["Comment"]) > MAX_COMMENT:
            raise refused("InvalidArgument")
        for key in self.public_keys.values():
            if key.config == config:
                return self._key(key, Location=key.id)
            if any(key.config[one] == config[one] for one in ("CallerReference", "Name")):
                raise refused("PublicKeyAlreadyExists", 409)
        public_key = _public_key(config["EncodedKey"])
        if public_key is None:
            raise refused("InvalidArgument")
        if len(self.public_keys) >= self.max_public_keys:
            raise refused("TooManyPublicKeys")
        made = StoredKey(self._next("K"), config, public_key, self._next("E"), self.clock.moment())
        self.public_keys[made.id] = made
        return self._key(made, Location=made.id)

    def get_public_key(self, *, Id: str) -> dict[str, Any]:
        if Id not in self.public_keys:
            raise self.clock.refused("GetPublicKey", "NoSuchPublicKey", 404)
        return self._key(self.public_keys[Id])

    def list_public_keys(
        self, *, Marker: str | None = None, MaxItems: str | None = None
    ) -> dict[str, Any]:
        def summary(key: StoredKey) -> dict[str, Any]:
            told = {name: key.config[name] for name in ("Name", "EncodedKey", "Comment")}
            return {"Id": key.id, "CreatedTime": key.created, **told}

        page = self._page(list(self.public_keys), Marker, MaxItems)
        page["Items"] = [summary(self.public_keys[one]) for one in page["Items"]]
        return self.clock.answer(PublicKeyList=_without_empty_items(page))

    def delete_public_key(self, *, Id: str, IfMatch: str | None = None) -> dict[str, Any]:
        refused = self._refuses("DeletePublicKey")
        if Id not in self.public_keys:
            raise refused("NoSuchPublicKey", 404)
        self._check_version("DeletePublicKey", self.public_keys[Id].etag, IfMatch)
        if any(Id in group.items for group in self.key_groups.values()):
            raise refused("PublicKeyInUse", 409)
        del self.public_keys[Id]
        return self.clock.answer()

    # Key groups.

    def create_key_group(self, *, KeyGroupConfig: Mapping[str, Any]) -> dict[str, Any]:
        config = self._checked_group("CreateKeyGroup", KeyGroupConfig, None)
        if len(self.key_groups) >= self.max_key_groups:
            raise self.clock.refused("CreateKeyGroup", "TooManyKeyGroups")
        self._made += 1
        group_id = str(uuid.UUID(int=self._made))
        return self._put_group(group_id, config, Location=group_id)

    def get_key_group(self, *, Id: str) -> dict[str, Any]:
        return self._group(self._existing_group("GetKeyGroup", Id))

    def list_key_groups(
        self, *, Marker: str | None = None, MaxItems: str | None = None
    ) -> dict[str, Any]:
        page = self._page(list(self.key_groups), Marker, MaxItems)
        found = [self.key_groups[one] for one in page["Items"]]
        page["Items"] = [{"KeyGroup": self._group(group)["KeyGroup"]} for group in found]
        return self.clock.answer(KeyGroupList=_without_empty_items(page))

    def update_key_group(
        self, *, KeyGroupConfig: Mapping[str, Any], Id: str, IfMatch: str | None = None
    ) -> dict[str, Any]:
        group = self._existing_group("UpdateKeyGroup", Id)
        self._check_version("UpdateKeyGroup", group.etag, IfMatch)
        return self._put_group(Id, self._checked_group("UpdateKeyGroup", KeyGroupConfig, Id))

    def delete_key_group(self, *, Id: str, IfMatch: str | None = None) -> dict[str, Any]:
        group = self._existing_group("DeleteKeyGroup", Id)
        self._check_version("DeleteKeyGroup", group.etag, IfMatch)
        if any(Id in one.key_groups for one in self.distributions.values()):
            raise self.clock.refused("DeleteKeyGroup", "ResourceInUse", 409)
        del self.key_groups[Id]
        self.history.append(Membership(self.clock.now, (), Id))
        return self.clock.answer()

    # Distributions.

    def list_distributions_by_key_group(
        self, *, KeyGroupId: str, Marker: str | None = None, MaxItems: str | None = None
    ) -> dict[str, Any]:
        self._existing_group("ListDistributionsByKeyGroup", KeyGroupId)
        found = [one.id for one in self.distributions.values() if KeyGroupId in one.key_groups]
        page = self._page(found, Marker, MaxItems)
        page |= {"Marker": Marker or "", "IsTruncated": "NextMarker" in page}
        return self.clock.answer(DistributionIdList=_without_empty_items(page))

    def get_distribution(self, *, Id: str) -> dict[str, Any]:
        one = self.distributions.get(Id)
        if one is None:
            raise self.clock.refused("GetDistribution", "NoSuchDistribution", 404)
        active = one.active
        if active is None:
            active = {name: self.key_groups[name].items for name in one.key_groups}
        told = {
            "Id": Id,
            "ARN": f"arn:aws:cloudfront::111122223333:distribution/{Id}",
            "Status": one.status,
            "LastModifiedTime": self.clock.moment(),
            "InProgressInvalidationBatches": 0,
            "DomainName": f"{Id.lower()}.cloudfront.net",
            "ActiveTrustedKeyGroups": _active(active),
            "DistributionConfig": {
                "Enabled": one.enabled,
                "DefaultCacheBehavior": {
                    "TrustedKeyGroups": {
                        "Enabled": bool(one.key_groups),
                        "Quantity": len(one.key_groups),
                        "Items": list(one.key_groups),
                    }
                },
            },
        }
        return self.clock.answer(Distribution=told, ETag="E1DISTRIBUTION")

    # What they have in common.

    def _next(self, prefix: str) -> str:
        self._made += 1
        return f"{prefix}{self._made:013d}"

    def _refuses(self, operation: str) -> Any:  # noqa: ANN401 - a callable that makes errors
        return lambda code, status=400: self.clock.refused(operation, code, status)

    def _check_version(self, operation: str, etag: str, told: str | None) -> None:
        if not told:
            raise self.clock.refused(operation, "InvalidIfMatchVersion")
        if told != etag:
            raise self.clock.refused(operation, "PreconditionFailed", 412)

    def _existing_group(self, operation: str, group_id: str) -> StoredGroup:
        if group_id not in self.key_groups:
            raise self.clock.refused(operation, "NoSuchResource", 404)
        return self.key_groups[group_id]

    def _checked_group(
        self, operation: str, config: Mapping[str, Any], group_id: str | None
    ) -> Mapping[str, Any]:
        refused = self._refuses(operation)
        if not {"Name", "Items"} <= config.keys() <= {"Name", "Items", "Comment"}:
            raise TypeError("KeyGroupConfig has the wrong members")
        items: Sequence[str] = config["Items"]
        if not _NAME.fullmatch(config["Name"]) or len(config.get("Comment", "")) > MAX_COMMENT:
            raise refused("InvalidArgument")
        if not items or len(set(items)) != len(items):
            raise refused("InvalidArgument")
        if len(items) > MAX_KEYS_IN_GROUP:
            raise refused("TooManyPublicKeysInKeyGroup")
        if not set(items) <= self.public_keys.keys():
            raise refused("InvalidArgument")
        others = [one for one in self.key_groups.values() if one.id != group_id]
        if any(one.name == config["Name"] for one in others):
            raise refused("KeyGroupAlreadyExists", 409)
        return config

    def _put_group(self, group_id: str, config: Mapping[str, Any], **more: str) -> dict[str, Any]:
        items, comment = tuple(config["Items"]), config.get("Comment", "")
        made = StoredGroup(
            group_id, config["Name"], items, comment, self._next("E"), self.clock.moment()
        )
        self.key_groups[group_id] = made
        self.history.append(Membership(self.clock.now, items, group_id))
        return self._group(made, **more)

    def _key(self, key: StoredKey, **more: str) -> dict[str, Any]:
        told = {"Id": key.id, "CreatedTime": key.created, "PublicKeyConfig": dict(key.config)}
        return self.clock.answer(PublicKey=told, ETag=key.etag, **more)

    def _group(self, group: StoredGroup, **more: str) -> dict[str, Any]:
        told = {
            "Id": group.id,
            "LastModifiedTime": group.modified,
            "KeyGroupConfig": group.config,
        }
        return self.clock.answer(KeyGroup=told, ETag=group.etag, **more)

    def _page(self, ids: Sequence[str], marker: str | None, most: str | None) -> dict[str, Any]:
        """Cut a page out; what was deleted between two pages does not end the list."""
        size = min(int(most or self.page_size), self.page_size)
        left = [one for one in sorted(ids) if marker is None or one >= marker]
        page: dict[str, Any] = {"MaxItems": size, "Items": left[:size]}
        if left[size:]:
            page["NextMarker"] = left[size]
        return {**page, "Quantity": len(page["Items"])}


def _public_key(pem: str) -> PublicKey | None:
    """Return what CloudFront takes: RSA 2048 or P-256, as SubjectPublicKeyInfo."""
    try:
        return PublicKey.from_pem(pem) if "BEGIN PUBLIC KEY" in pem else None
    except KeyMaterialError:
        return None


def _without_empty_items(page: dict[str, Any]) -> dict[str, Any]:
    """Leave Items out where there are none, as boto3 does."""
    return page if page["Items"] else {k: v for k, v in page.items() if k != "Items"}


def _active(groups: Mapping[str, tuple[str, ...]]) -> dict[str, Any]:
    items = [
        {"KeyGroupId": name, "KeyPairIds": {"Quantity": len(ids), "Items": list(ids)}}
        for name, ids in groups.items()
    ]
    return {"Enabled": any(groups.values()), "Quantity": len(items), "Items": items}
