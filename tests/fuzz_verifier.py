"""Fuzzes the verifier and the parsers, guided by coverage where atheris is installed.

    python -m tests.fuzz_verifier [--seconds N] [libFuzzer options] [corpus folder]

Without atheris (there is none for Windows) it runs the generator of the tampering tests and random
bytes until the time is over. It ends with an error at the first wrong decision or stray exception.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from random import Random, SystemRandom
from tempfile import gettempdir

try:
    import atheris
except ImportError:
    atheris = None


def main(arguments: list[str] | None = None) -> None:
    """Run until the time is over, or for ever."""
    parser = argparse.ArgumentParser(description="Fuzz the verifier.")
    parser.add_argument("--seconds", type=int, default=0, help="how long; 0 is until stopped")
    parser.add_argument("--no-atheris", action="store_true", help="use our own generator")
    options, others = parser.parse_known_args(arguments)
    if atheris is None or options.no_atheris:
        _generate(options.seconds)
        return
    with atheris.instrument_imports(include=["signer"]):
        from tests import fuzz_inputs  # noqa: PLC0415 - imported under instrumentation
    limits = [
        f"-max_total_time={options.seconds}",
        "-max_len=2000",
        f"-artifact_prefix={gettempdir()}{os.sep}",
    ]
    atheris.Setup([sys.argv[0], *limits, *others], fuzz_inputs.one_input)
    atheris.Fuzz()


def _generate(seconds: int) -> None:
    from tests import fuzz_inputs  # noqa: PLC0415 - the other branch instruments it first
    from tests.genuine import pool  # noqa: PLC0415 - the same
    from tests.tampering import attempts  # noqa: PLC0415 - the same

    seed = SystemRandom().randrange(2**32)
    sys.stdout.write(f"seed {seed}\n")
    random, tampered, runs = Random(seed), attempts(seed, pool()), 0
    end = time.monotonic() + seconds if seconds else float("inf")
    while time.monotonic() < end:
        attempt = next(tampered)
        choice = random.randrange(3)
        parts = (
            attempt.url.encode("utf-8", "surrogatepass"),
            attempt.cookies.encode("utf-8", "surrogatepass"),
        )
        body = (*parts, random.randbytes(random.randrange(300)))[choice]
        fuzz_inputs.one_input(random.randbytes(3) + body)
        runs += 1
    sys.stdout.write(f"{runs} inputs, no wrong decision\n")


if __name__ == "__main__":
    main()
