"""Where a running demo is reached, and who can log in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from signer.dev.deployment import Deployment


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRotation:
    """The rotation of a running demo.

    Attributes:
        seconds: Age at which the signing key is replaced; None where somebody has to say so.
        ring: Where the ring lies, as ``signer rotate --ring`` takes it.
        endpoint_url: MiniStack, where everything else lies.
        locations: Name of each simulated edge location to the seconds that it learns of a change
            late.
    """

    seconds: int | None
    ring: str
    endpoint_url: str
    locations: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Demo:
    """A running demo.

    Attributes:
        site_url: What to open; scheme and host of everything a viewer sees.
        inspector_url: The edge's inspector page.
        identity_url: The identity provider.
        bucket_url: The private bucket at its own address; None when a folder stands in for it.
        delivery: ``cloudfront``, or ``s3`` for presigned URLs.
        key_pair_id: Of the key made for this run; with rotation, of its first key.
        algorithm: Of that key.
        accounts: Who can log in; the first sees everything, the second the gallery only.
        ministack_pid: Process id of MiniStack; None when a folder stands in for it.
        rotation: How its keys are replaced; None when they stay.
        deployment: The stack that it is; None where it is put together without one.
    """

    site_url: str
    inspector_url: str
    identity_url: str
    bucket_url: str | None
    delivery: Literal["cloudfront", "s3"]
    key_pair_id: str
    algorithm: str
    accounts: tuple[str, ...]
    ministack_pid: int | None
    rotation: KeyRotation | None = None
    deployment: Deployment | None = None
