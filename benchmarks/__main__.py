"""Measure, and print the table: ``python -m benchmarks``."""

from __future__ import annotations

import argparse
import gc
import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks import machine, node, openssl, table
from benchmarks.cold_start import ColdStarts, cold_starts
from benchmarks.contenders import KEY_PAIR_ID, KINDS, URLS, Subject
from benchmarks.imports import Imports
from benchmarks.serving import Serving, serving
from benchmarks.stopwatch import Rates, interleaved, on_cores, threaded


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure for some rounds and print; nothing about speed makes it fail."""
    options = _options(arguments)
    about = machine.described()
    no_node = node.prepared()
    before = machine.load()
    with (
        tempfile.TemporaryDirectory(prefix="signer-benchmarks-") as folder,
        serving(Path(folder) / "serving") as service,
        cold_starts(Path(folder)) as cold,
    ):
        bench = Bench(Path(folder), options.seconds, service, cold, with_node=not no_node)
        # What was loaded so far is not the collector's business; it stays on for what follows.
        gc.collect()
        gc.freeze()
        rounds = []
        for number in range(1, options.rounds + 1):
            _say(f"round {number} of {options.rounds}")
            rounds.append(bench.round(backwards=number % 2 == 0))
    about["load average"] = f"{before} at the beginning, {machine.load()} at the end"
    about["measured"] = f"{options.rounds} rounds of {options.seconds:g} s for each line"
    about["import signer"] = (
        f"imports {' and '.join(bench.foreign) or 'neither boto3 nor botocore'}"
    )
    if no_node:
        about["not measured"] = no_node
    _report(options, about, rounds)
    return 0


class Bench:
    """Everything that a round measures.

    Attributes:
        foreign: See :class:`benchmarks.imports.Imports`.
    """

    def __init__(
        self,
        folder: Path,
        seconds: float,
        service: Serving,
        cold: ColdStarts | None,
        *,
        with_node: bool,
    ) -> None:
        """Make the keys and check every contender."""
        self._seconds = seconds
        self._service, self._cold = service, cold
        self._with_node = with_node
        self._subjects = {kind: Subject(kind, folder) for kind in KINDS}
        self._imports = Imports(folder)
        self.foreign = self._imports.foreign

    def round(self, *, backwards: bool) -> Rates:
        """Measure everything once; every second round runs backwards, against slow drifts."""
        parts: list[Callable[[], Rates]] = [
            lambda: self._one_core("rsa", backwards=backwards),
            lambda: self._one_core("ecdsa", backwards=backwards),
            lambda: self._two_cores("rsa"),
            lambda: self._two_cores("ecdsa"),
            self._import,
            self._cold_start,
            self._serve,
        ]
        measured: Rates = {}
        for part in reversed(parts) if backwards else parts:
            measured |= part()
        return measured

    def _one_core(self, kind: str, *, backwards: bool) -> Rates:
        _say(f"  {openssl.ALGORITHMS[kind]}: one core")
        parts: list[Callable[[], Rates]] = [
            lambda: _renamed(f"{kind}.openssl", openssl.speed(kind, self._seconds)),
            lambda: interleaved(self._subjects[kind].contenders, self._seconds),
            lambda: self._node(kind),
        ]
        measured: Rates = {}
        with on_cores(1):
            for part in reversed(parts) if backwards else parts:
                measured |= part()
        return measured

    def _node(self, kind: str) -> Rates:
        if not self._with_node:
            return {}
        subject = self._subjects[kind]
        rates, samples = node.rates(
            {
                "pem": subject.pem,
                "keyPairId": KEY_PAIR_ID,
                "urls": URLS,
                "dateLessThan": subject.date_less_than.isoformat(),
                "algorithm": "SHA256",
                "seconds": self._seconds,
            }
        )
        for url in samples.values():
            subject.check(url)
        return _renamed(f"{kind}.node", rates)

    def _two_cores(self, kind: str) -> Rates:
        with on_cores(2) as cores:
            if cores < 2:  # noqa: PLR2004 - one thread a core
                return {}
            _say(f"  {openssl.ALGORITHMS[kind]}: two threads")
            contenders = {each.name: each for each in self._subjects[kind].contenders}
            measured: Rates = {}
            for short, name in (("threads", "signed_url"), ("bare", "bare_sign")):
                rates = threaded(contenders[f"{kind}.{name}"], (1, 2), self._seconds)
                measured |= {f"{kind}.{short}.{count}": rate for count, rate in rates.items()}
            for count in (1, 2):
                limit = openssl.speed(kind, self._seconds, processes=count)
                if limit:
                    measured[f"{kind}.openssl.{count}"] = limit["sign"]
            return measured

    def _import(self) -> Rates:
        _say("  import")
        with on_cores(1):
            return self._imports.milliseconds(max(1, round(5 * self._seconds)))

    def _cold_start(self) -> Rates:
        if self._cold is None:
            return {}
        _say("  cold start")
        with on_cores(1):
            return self._cold.milliseconds(max(1, round(5 * self._seconds)))

    def _serve(self) -> Rates:
        _say("  warm requests")
        with on_cores(1):
            rates = [self._service.rates(kind, self._seconds) for kind in KINDS]
        return rates[0] | rates[1]


def _renamed(prefix: str, rates: Rates) -> Rates:
    return {f"{prefix}.{name}": rate for name, rate in rates.items()}


def _report(options: argparse.Namespace, about: dict[str, str], rounds: list[Rates]) -> None:
    facts = [f"{name}: {value}" for name, value in about.items()]
    print("\n".join(facts), "", table.plain(rounds), sep="\n")
    if options.json:
        document = {"about": about, "rounds": rounds}
        options.json.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    if options.markdown:
        listed = "\n".join(f"* {fact}" for fact in facts)
        text = f"{table.summary(rounds)}\n\n{listed}\n\n{table.markdown(rounds)}\n"
        options.markdown.write_text(text, encoding="utf-8")


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--seconds", type=float, default=1.0, help="for each line in each round")
    parser.add_argument("--rounds", type=int, default=5, help="medians are taken over rounds")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every measurement")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the table again")
    options = parser.parse_args(arguments)
    if options.seconds <= 0 or options.rounds < 1:
        parser.error("--seconds and --rounds must be positive")
    return options


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
