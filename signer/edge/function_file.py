"""A Lambda function in a Python file, loaded into this process."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from signer.errors import ConfigurationError

Handler = Callable[[dict[str, Any], Any], object]
"""What Lambda calls: ``handler(event, context)``."""


@dataclass(frozen=True, slots=True)
class FunctionFile:
    """Where a handler is, and the environment variables of its function.

    Attributes:
        path: The Python file; its folder stands for the function's task root.
        name: Name of the handler in it.
        environment: Set in this process when the file is loaded, as Lambda sets them. They may
            be secret.
    """

    path: Path
    name: str
    environment: Mapping[str, str] = field(default_factory=dict, repr=False, hash=False)

    def __post_init__(self) -> None:
        """Keep the variables as they are now."""
        object.__setattr__(self, "environment", MappingProxyType(dict(self.environment)))

    def load(self) -> Handler:
        """Set the variables, run the file and return its handler.

        Raises:
            ConfigurationError: ``lambda_handler``: the file fails when it is imported, or has no
                such function.
        """
        os.environ.update(self.environment)
        root = str(self.path.parent.resolve())
        if root not in sys.path:
            sys.path.append(root)
        spec = importlib.util.spec_from_file_location(self.path.stem, self.path)
        if spec is None or spec.loader is None:
            raise self._error("is not a Python file")
        module = importlib.util.module_from_spec(spec)
        try:
            # Registered first, as the import system does: dataclasses look their module up.
            sys.modules[spec.name] = module
            spec.loader.exec_module(module)
        except ConfigurationError:
            raise
        except Exception as error:
            raise self._error(f"fails when it is imported ({type(error).__name__})") from error
        handler = getattr(module, self.name, None)
        if not callable(handler):
            raise self._error("has no such function")
        loaded: Handler = handler
        return loaded

    def _error(self, problem: str) -> ConfigurationError:
        return ConfigurationError(
            "lambda_handler",
            f"{self.path}:{self.name}: {problem}",
            advice='a handler is given as "path/to/file.py:function"',
            file=str(self.path),
            field="handler",
        )
