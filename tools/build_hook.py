"""Put the demo's pictures and film into the wheel, from the one place where they are kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

# They paint the media, with libraries that the demo does not need.
PAINTERS = ("make_media.py", "landscape.py")


class GalleryHook(BuildHookInterface[Any]):
    """Ship `examples/gallery` as `signer/dev/gallery`.

    A static force-include would fail while the folder is absent, and would copy the files into
    site-packages for an editable install, where the checkout already has them.
    """

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the folder's files to a standard wheel, one by one."""
        gallery = Path(self.root) / "examples" / "gallery"
        if version != "standard":
            return
        for file in sorted(gallery.rglob("*")):
            name = file.relative_to(gallery).as_posix()
            if file.is_file() and name not in PAINTERS and "__pycache__" not in file.parts:
                build_data["force_include"][str(file)] = f"signer/dev/gallery/{name}"
