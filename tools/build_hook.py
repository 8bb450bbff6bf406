"""Put what the demo runs into the wheel, from the one place where each is kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

# They paint the media, with libraries that the demo does not need.
PAINTERS = ("make_media.py", "landscape.py")

# Folder of the checkout, what is taken of it, and where it lies in the package.
SHIPPED = (
    ("examples/gallery", "**/*", "signer/dev/gallery"),
    ("lambda", "*.py", "signer/dev/function"),
)


class DemoHook(BuildHookInterface[Any]):
    """Ship `examples/gallery` and `lambda` inside `signer/dev`.

    A static force-include would fail while a folder is absent, and would copy the files into
    site-packages for an editable install, where the checkout already has them.
    """

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the folders' files to a standard wheel, one by one."""
        if version != "standard":
            return
        for folder, pattern, place in SHIPPED:
            for file in sorted((Path(self.root) / folder).glob(pattern)):
                name = file.relative_to(Path(self.root) / folder).as_posix()
                if file.is_file() and name not in PAINTERS and "__pycache__" not in file.parts:
                    build_data["force_include"][str(file)] = f"{place}/{name}"
