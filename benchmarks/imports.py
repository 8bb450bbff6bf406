"""What ``import signer`` costs a fresh process, against the modules that it cannot do without."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

from benchmarks.stopwatch import Rates, cpu_clock

_ROOT = Path(__file__).resolve().parent.parent
_MODULES = "; import sys; print(*sys.modules)"
_EVERYTHING = "from signer import *"  # some names are imported when they are first asked for
_TIMED = "from time import {clock}; started = {clock}(); {program}; print({clock}() - started)"


class Imports:
    """Programs that import something, each run in a process of its own.

    Attributes:
        foreign: Modules of AWS's SDK that ``import signer`` brings in; there must be none.
    """

    def __init__(self, folder: Path) -> None:
        """Find out what ``signer`` imports, and compile everything.

        Args:
            folder: Where compiled modules are kept, so that those of both sides are found
                compiled, as after an installation, and nothing is left in the tree.
        """
        self._environment = {**os.environ, "PYTHONPYCACHEPREFIX": str(folder / "compiled")}
        self._environment.pop("PYTHONDONTWRITEBYTECODE", None)
        imported = self._output(_EVERYTHING + _MODULES).split()
        self.foreign = [name for name in imported if name in {"boto3", "botocore"}]
        needed = [name for name in imported if name.partition(".")[0] == "cryptography"]
        self._programs = {
            "nothing": "pass",
            "cryptography": f"import {', '.join(needed)}",
            "signer": "import signer",
            "everything": _EVERYTHING,
            "botocore": "import botocore.signers",
            "boto3": "import boto3",
        }
        for program in self._programs.values():
            self._output(program)

    def milliseconds(self, times: int) -> Rates:
        """Run the programs in turn, and take the medians.

        Returns:
            ``import.X`` for the import statement alone, by processor time; ``process.X`` for the
            whole process, by the wall clock.
        """
        samples: dict[str, list[float]] = {}
        for _ in range(times):
            for name, program in self._programs.items():
                timed = _TIMED.format(clock=cpu_clock().__name__, program=program)
                started = time.perf_counter()
                printed = self._output(timed)
                whole = time.perf_counter() - started
                samples.setdefault(f"process.{name}", []).append(whole * 1000)
                samples.setdefault(f"import.{name}", []).append(float(printed) * 1000)
        return {name: median(values) for name, values in samples.items()}

    def _output(self, program: str) -> str:
        done = subprocess.run(
            [sys.executable, "-c", program],
            env=self._environment,
            cwd=_ROOT,
            capture_output=True,
            encoding="utf-8",
            check=True,
        )
        return done.stdout
