"""Where the demo's parts lie: the gallery with its grants, and the issuer's Lambda function."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from signer.errors import ConfigurationError

# Installed, they lie beside this file; tools/build_hook.py puts them there.
_PACKAGED = Path(__file__).parent
_CHECKOUT = Path(__file__).parents[2]

# Not from the operating system's table, which differs between machines.
_CONTENT_TYPES = {
    ".jpg": "image/jpeg",
    ".webp": "image/webp",
    ".m3u8": "application/vnd.apple.mpegurl",
    ".m4s": "video/iso.segment",
    ".mp4": "video/mp4",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaObject:
    """One private object: its key in the bucket, its file and its content type."""

    key: str
    file: Path
    content_type: str


@dataclass(frozen=True, slots=True)
class Gallery:
    """The demo's folder: the public site, the private media, the catalogue of both."""

    folder: Path

    @property
    def site(self) -> Path:
        """Return the folder of the public page."""
        return self.folder / "site"

    @property
    def presigned_site(self) -> Path:
        """Return the page for delivery by presigned URLs, with the names of the pictures."""
        return self.folder / "presigned_site"

    @property
    def media(self) -> Path:
        """Return the folder of the private objects; a key is a path below it."""
        return self.folder / "media"

    def pictures(self) -> tuple[MediaObject, ...]:
        """Return the pictures in the order in which the page shows them."""
        return tuple(self._object(picture["key"]) for picture in self._catalogue()["pictures"])

    def film(self) -> tuple[MediaObject, ...]:
        """Return the film's master playlist, then everything that it leads to."""
        return tuple(self._object(key) for key in self._catalogue()["film"]["parts"])

    @property
    def grants(self) -> Path:
        """Return the table of who may see what."""
        return self.folder / "grants.toml"

    def _catalogue(self) -> dict[str, Any]:
        # Names come from here and not from a listing: some file systems decompose accents.
        text = (self.site / "assets" / "catalogue.json").read_text("utf-8")
        catalogue: dict[str, Any] = json.loads(text)
        return catalogue

    def _object(self, key: str) -> MediaObject:
        file = self.media / key
        return MediaObject(key=key, file=file, content_type=_CONTENT_TYPES[file.suffix])


def find_gallery() -> Gallery:
    """Find the gallery: inside an installed package, or in the checkout around this file.

    Raises:
        ConfigurationError: It is in neither place.
    """
    places = (_PACKAGED / "gallery", _CHECKOUT / "examples" / "gallery")
    return Gallery(_found(places, "grants.toml", "gallery"))


def find_function() -> Path:
    """Find the issuer's Lambda function, ``issue.py``: an asset, not part of the package.

    Raises:
        ConfigurationError: It is neither in the package nor in the checkout.
    """
    places = (_PACKAGED / "function", _CHECKOUT / "lambda")
    return _found(places, "issue.py", "Lambda function") / "issue.py"


def _found(places: tuple[Path, ...], landmark: str, what: str) -> Path:
    for folder in places:
        if (folder / landmark).is_file():
            return folder
    raise ConfigurationError(
        "demo_incomplete",
        f"the demo's {what} is not beside the package",
        advice="install the wheel, or run from a checkout of the repository",
    )
