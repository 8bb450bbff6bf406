"""Reading a TOML file of settings."""

from __future__ import annotations

import tomllib
from pathlib import Path

from signer.errors import ConfigurationError


def read_toml_file(file: Path) -> dict[str, object]:
    """Return what a TOML file says.

    Raises:
        ConfigurationError: ``configuration_file``: it cannot be read, or is not TOML.
    """
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except OSError as error:
        problem = f"cannot be read: {error.strerror or 'unknown error'}"
    except UnicodeDecodeError:
        problem = "is not UTF-8 text"
    except RecursionError:
        problem = "is nested too deeply"
    except ValueError as error:
        # Python's limit on the digits of a number too.
        problem = f"is not TOML: {error}"
    raise ConfigurationError("configuration_file", f"{file}: {problem}", file=str(file))
