"""Public keys and key groups at CloudFront, which has no other name for a key pair's other half.

A public key is named ``{ring}-{kid}``, so that it is found again after an upload whose answer was
lost. A key group is written as a whole over the version that was read: whoever changed it in
between is not undone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from signer.errors import PassingError, RotationError, SignerError
from signer.keys import PublicKey
from signer.rotation.aws_calls import AwsCalls

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from signer.rotation.aws_calls import ServerTime

MAX_KEYS: Final = 5
"""Keys in a group. AWS page: "Quotas" (cloudfront-limits)."""

_CHANGED: Final = ("PreconditionFailed", "InvalidIfMatchVersion")
_UUID: Final = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"


@dataclass(frozen=True, slots=True)
class Seen:
    """What CloudFront has of a ring.

    Attributes:
        group_id: Id of the key group; None when there is none.
        items: Key pair ids in it; None when there is no group.
        uploaded: Of the ring's public keys, by kid, the key pair id.
        public_key_ids: All public keys of the account.
    """

    group_id: str | None
    items: tuple[str, ...] | None
    uploaded: Mapping[str, str]
    public_key_ids: frozenset[str]


class KeyGroups:
    """The public keys of rings and their key groups.

    IAM actions: ``cloudfront:GetKeyGroup``, ``cloudfront:ListKeyGroups``,
    ``cloudfront:CreateKeyGroup``, ``cloudfront:UpdateKeyGroup``, ``cloudfront:DeleteKeyGroup``,
    ``cloudfront:CreatePublicKey``, ``cloudfront:GetPublicKey``, ``cloudfront:ListPublicKeys``,
    ``cloudfront:DeletePublicKey``, ``cloudfront:ListDistributionsByKeyGroup``,
    ``cloudfront:GetDistribution``.

    Every method raises RotationError ``aws_denied`` and RemoteError ``aws_error`` as
    :class:`signer.rotation.aws_calls.AwsCalls` does, besides its own.
    """

    def __init__(self, client: object, time: ServerTime) -> None:
        """Remember whom to ask.

        Args:
            client: boto3's client of CloudFront, or one like it.
            time: Learns AWS's time.
        """
        self._ask = AwsCalls(client, "cloudfront", time)

    def look(self, ring: str, key_group_id: str | None) -> Seen:
        """Return what there is now.

        Args:
            ring: Name of the ring.
            key_group_id: Its group; None to look for one with the ring's name.
        """
        group_id, group = key_group_id, None
        if group_id is None:
            group_id, group = self._named(ring)
        else:
            found = self._ask.unless(("NoSuchResource",), "get_key_group", Id=group_id)
            group = None if found is None else found["KeyGroup"]["KeyGroupConfig"]
        names = self._public_keys()
        uploaded, known = _of_ring(ring, names), frozenset(names.values())
        if group is None:
            return Seen(None, None, uploaded, known)
        return Seen(group_id, tuple(group["Items"]), uploaded, known)

    def upload(self, ring: str, kid: str, key: PublicKey) -> str:
        """Upload a public key under its own name; the one that is there already if it is the same.

        Returns:
            The key pair id that CloudFront gave it.

        Raises:
            RotationError: ``public_key_mismatch``: another key has its name; ``public_key_hidden``:
                CloudFront has the name but does not list it, at least not yet.
            KeyMaterialError: What has its name is not a key of a kind that can sign.
        """
        name = f"{ring}-{kid}"
        config = {
            "Name": name,
            "CallerReference": name,
            "EncodedKey": key.to_pem(),
            "Comment": f"signer ring {ring}",
        }
        answer = self._ask.unless(
            ("PublicKeyAlreadyExists",), "create_public_key", PublicKeyConfig=config
        )
        if answer is not None:
            return str(answer["PublicKey"]["Id"])
        there = _of_ring(ring, self._public_keys()).get(kid)
        if there is None:
            raise PassingError(
                "public_key_hidden",
                f"CloudFront has a public key {name} and does not list it",
                advice="the next tick looks again",
            )
        if self.public_key(there) != key:
            raise RotationError(
                "public_key_mismatch",
                f"CloudFront's public key {name} is another key",
                advice="find out who uploaded it, then delete it",
                public_key_id=there,
            )
        return there

    def public_key(self, public_key_id: str) -> PublicKey | None:
        """Return a public key as CloudFront has it; None when it has none.

        Raises:
            KeyMaterialError: It is not of a kind that signs URLs and cookies.
        """
        answer = self._ask.unless(("NoSuchPublicKey",), "get_public_key", Id=public_key_id)
        if answer is None:
            return None
        return PublicKey.from_pem(answer["PublicKey"]["PublicKeyConfig"]["EncodedKey"])

    def create(self, ring: str, public_key_id: str) -> str:
        """Make the ring's key group with one key; the one that is there if it is the ring's.

        Returns:
            The id of the group. One that was there need not have the key in it.

        Raises:
            RotationError: ``key_group_taken``: a group of that name has keys of others.
        """
        config = {"Name": ring, "Items": [public_key_id], "Comment": f"signer ring {ring}"}
        answer = self._ask.unless(
            ("KeyGroupAlreadyExists",), "create_key_group", KeyGroupConfig=config
        )
        if answer is not None:
            return str(answer["KeyGroup"]["Id"])
        group_id, group = self._named(ring)
        ours = set(_of_ring(ring, self._public_keys()).values())
        if group_id is None or group is None or not ours.issuperset(group["Items"]):
            raise RotationError(
                "key_group_taken",
                f"a key group named {ring} is there already, with keys that are not the ring's",
                advice="give the ring another name",
            )
        return group_id

    def add(self, group_id: str, public_key_id: str) -> None:
        """Put a key into a group; done if it is in it.

        Raises:
            RotationError: ``key_group_full``: it has five keys; ``key_group_changed``: somebody
                else wrote it at the same time; ``key_group_gone``.
        """
        answer = self._existing(group_id)
        items = answer["KeyGroup"]["KeyGroupConfig"]["Items"]
        if public_key_id in items:
            return
        if len(items) >= MAX_KEYS:
            raise RotationError(
                "key_group_full",
                f"the key group has {MAX_KEYS} keys, which is CloudFront's quota",
                advice="take out a key that nobody needs",
            )
        self._write(group_id, answer, [*items, public_key_id])

    def remove(self, group_id: str, public_key_id: str) -> None:
        """Take a key out of a group; done if it is not in it.

        Raises:
            RotationError: ``key_group_last``: it is the only one; ``key_group_changed``,
                ``key_group_gone`` as for :meth:`add`.
        """
        answer = self._existing(group_id)
        items = answer["KeyGroup"]["KeyGroupConfig"]["Items"]
        if public_key_id not in items:
            return
        left = [one for one in items if one != public_key_id]
        if not left:
            raise RotationError(
                "key_group_last", "a key group cannot be empty", advice="add another key first"
            )
        self._write(group_id, answer, left)

    def is_deployed(self, group_id: str, public_key_id: str) -> bool:
        """Tell whether all distributions with the group are deployed and list the key.

        That is what CloudFront tells of it; AWS does not document that every edge location knows
        the key by then. True where there is no distribution to wait for.
        """
        for distribution in self._distributions(group_id):
            answer = self._ask.unless(("NoSuchDistribution",), "get_distribution", Id=distribution)
            if answer is not None and not _knows(answer["Distribution"], group_id, public_key_id):
                return False
        return True

    def sites(self, group_id: str) -> list[str]:
        """Return scheme and host of every distribution that trusts the group and is enabled.

        CloudFront's own name of it, at which it answers whatever other names it has.
        """
        found = []
        for distribution in self._distributions(group_id):
            answer = self._ask.unless(("NoSuchDistribution",), "get_distribution", Id=distribution)
            if answer is not None and answer["Distribution"]["DistributionConfig"]["Enabled"]:
                found.append(f"https://{answer['Distribution']['DomainName']}")
        return found

    def delete_public_key(self, public_key_id: str) -> None:
        """Delete a public key; done if it is gone.

        Raises:
            RotationError: ``public_key_in_use``: it is in a key group, or in a profile of
                field-level encryption; ``public_key_changed``: somebody else wrote it.
        """
        answer = self._ask.unless(("NoSuchPublicKey",), "get_public_key", Id=public_key_id)
        if answer is None:
            return
        outcome = self._ask.outcome(
            ("NoSuchPublicKey", "PublicKeyInUse", *_CHANGED),
            "delete_public_key",
            Id=public_key_id,
            IfMatch=answer["ETag"],
        )
        if outcome == "PublicKeyInUse":
            raise RotationError(
                "public_key_in_use",
                "the public key is still in use",
                advice="take it out of its key groups first",
                public_key_id=public_key_id,
            )
        if outcome in _CHANGED:
            raise PassingError(
                "public_key_changed",
                "the public key was changed at the same time",
                advice="the next tick looks again",
                public_key_id=public_key_id,
            )

    def delete_group(self, group_id: str) -> None:
        """Delete a key group, for a stack that is destroyed; done if it is gone.

        Raises:
            RotationError: ``key_group_in_use``: a distribution trusts it; ``key_group_changed``.
        """
        answer = self._ask.unless(("NoSuchResource",), "get_key_group", Id=group_id)
        if answer is None:
            return
        outcome = self._ask.outcome(
            ("NoSuchResource", "ResourceInUse", *_CHANGED),
            "delete_key_group",
            Id=group_id,
            IfMatch=answer["ETag"],
        )
        if outcome == "ResourceInUse":
            raise RotationError(
                "key_group_in_use",
                "a distribution trusts the key group",
                advice="take it out of all cache behaviors first",
            )
        if outcome in _CHANGED:
            raise _changed()

    def _named(self, name: str) -> tuple[str | None, Mapping[str, Any] | None]:
        """Return the id and the configuration of the group with a name."""
        for summary in self._all("list_key_groups", "KeyGroupList"):
            group = summary["KeyGroup"]
            if group["KeyGroupConfig"]["Name"] == name:
                return group["Id"], group["KeyGroupConfig"]
        return None, None

    def _public_keys(self) -> Mapping[str, str]:
        """Return the key pair ids of the account by their names, which are unique."""
        found = self._all("list_public_keys", "PublicKeyList")
        return {summary["Name"]: summary["Id"] for summary in found}

    def _all(self, method: str, member: str, **members: str) -> Iterator[Any]:
        """Yield the items of all pages of a list."""
        marker: str | None = None
        while True:
            page = self._ask(method, Marker=marker, **members)[member]
            yield from page.get("Items", ())
            marker = page.get("NextMarker")
            if not marker:
                return

    def _distributions(self, group_id: str) -> list[str]:
        try:
            method, member = "list_distributions_by_key_group", "DistributionIdList"
            return list(self._all(method, member, KeyGroupId=group_id))
        except SignerError as error:
            # No such group, which the next look sees; or MiniStack, which has no such list.
            if error.evidence.get("error") != "NoSuchResource":
                raise
            return []

    def _existing(self, group_id: str) -> Mapping[str, Any]:
        answer = self._ask.unless(("NoSuchResource",), "get_key_group", Id=group_id)
        if answer is None:
            raise _gone()
        return answer

    def _write(self, group_id: str, answer: Mapping[str, Any], items: Sequence[str]) -> None:
        """Write a group with other items over the version that was read.

        AWS page "UpdateKeyGroup" (API_UpdateKeyGroup): all fields are replaced, so all are sent.
        """
        outcome = self._ask.outcome(
            ("NoSuchResource", *_CHANGED),
            "update_key_group",
            Id=group_id,
            IfMatch=answer["ETag"],
            KeyGroupConfig={**answer["KeyGroup"]["KeyGroupConfig"], "Items": items},
        )
        if outcome == "NoSuchResource":
            raise _gone()
        if outcome in _CHANGED:
            raise _changed()


def _of_ring(ring: str, names: Mapping[str, str]) -> Mapping[str, str]:
    """Return what is named as a ring's keys are, by kid."""
    pattern = re.compile(f"{re.escape(ring)}-({_UUID})")
    matches = ((pattern.fullmatch(name), found) for name, found in names.items())
    return {match[1]: found for match, found in matches if match}


def _knows(distribution: Mapping[str, Any], group_id: str, public_key_id: str) -> bool:
    groups = distribution.get("ActiveTrustedKeyGroups", {}).get("Items", ())
    listed = [group["KeyPairIds"] for group in groups if group["KeyGroupId"] == group_id]
    return distribution["Status"] == "Deployed" and any(
        public_key_id in ids.get("Items", ()) for ids in listed
    )


def _gone() -> RotationError:
    return RotationError(
        "key_group_gone",
        "the key group does not exist",
        advice="somebody deleted it; look at the status",
    )


def _changed() -> RotationError:
    return PassingError(
        "key_group_changed",
        "somebody else changed the key group at the same time",
        advice="the next tick looks again",
    )
