"""The benchmarks produce their table; how fast anything is is never asserted."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("benchmarks", reason="not copied along by mutation testing")

from benchmarks import openssl, table
from benchmarks.stopwatch import Contender, interleaved, threaded

ROOT = Path(__file__).resolve().parent.parent

OPENSSL_3_0 = """version: 3.0.19
CPUINFO: OPENSSL_ia32cap=0xfffa3203078bffff:0x400684219c07ab
                  sign    verify    sign/s verify/s
rsa 2048 bits 0.000823s 0.000024s   1214.6  41086.3
"""
OPENSSL_3_5 = """version: 3.5.4
                   sign    verify    encrypt   decrypt   sign/s verify/s  encr./s  decr./s
rsa  2048 bits 0.000823s 0.000024s 0.000025s 0.000901s   1214.6  41086.3  40000.0   1109.9
"""
OPENSSL_ECDSA = """                              sign    verify    sign/s verify/s
 256 bits ecdsa (nistp256)   0.0000s   0.0001s  33639.8  12569.5
"""
OPENSSL_TWO_PROCESSES = f"""Forked child 0
+DTP:sign:rsa2048
{OPENSSL_3_0}"""


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        (OPENSSL_3_0, {"sign": 1214.6, "verify": 41086.3}),
        (OPENSSL_3_5, {"sign": 1214.6, "verify": 41086.3}),
        (OPENSSL_TWO_PROCESSES, {"sign": 1214.6, "verify": 41086.3}),
        (OPENSSL_ECDSA, {"sign": 33639.8, "verify": 12569.5}),
        ("speed: Unknown option -seconds\n", {}),
        ("", {}),
    ],
)
def test_the_tables_of_openssl_versions_are_read(output: str, expected: dict[str, float]) -> None:
    assert openssl.parsed(output) == expected


def test_without_an_openssl_command_its_lines_are_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PATH", "")
    assert openssl.version() is None
    assert openssl.speed("rsa", 1) == {}


def test_contenders_take_turns() -> None:
    log: list[str] = []
    contenders = [Contender(name, log.append, [name]) for name in ("a", "b")]
    rates = interleaved(contenders, 0.002)
    assert rates.keys() == {"a", "b"}
    assert all(rate > 0 for rate in rates.values())
    assert "ab" in "".join(log)
    assert "ba" in "".join(log)


def test_threads_together_use_all_inputs() -> None:
    seen: set[int] = set()
    rates = threaded(Contender("add", seen.add, range(5)), (1, 2), 0.01)
    assert rates.keys() == {1, 2}
    assert seen == set(range(5))


SECTION = table.Section(
    "Title",
    [
        table.Line("reference", "a"),
        table.Line("enough", "b", at_least=0.5),
        table.Line("too much", "b", at_most=0.5),
        table.Line("absent", "c", at_least=0.5),
    ],
)


def test_the_ratio_is_the_median_of_the_rounds_own_ratios() -> None:
    rounds = [{"a": 1000.0, "b": 800.0}, {"a": 10.0, "b": 7.0}, {"a": 100.0, "b": 90.0}]
    reference, enough, too_much, absent = table.rows(SECTION, rounds)
    assert reference == ("reference", "100 /s", "10.0 - 1,000", "1.000", "", "", "")
    assert enough == ("enough", "90.0 /s", "7.0 - 800", "0.800", "0.700 - 0.900", ">= 0.5", "met")
    assert too_much[-2:] == ("<= 0.5", "not met")
    assert absent == ("absent", "not measured", "", "", "", ">= 0.5", "not measured")


@pytest.mark.slow
def test_one_short_round_without_openssl_and_node_prints_the_table(tmp_path: Path) -> None:
    files = {"--json": tmp_path / "bench.json", "--markdown": tmp_path / "bench.md"}
    options = [part for option, file in files.items() for part in (option, str(file))]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--seconds", "0.002", "--rounds", "1", *options],
        cwd=ROOT,
        env={"PATH": "", "SYSTEMROOT": "C:\\Windows"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "round 1 of 1" in done.stderr
    for section in table.SECTIONS:
        assert section.title in done.stdout
    assert "node is not on PATH" in done.stdout
    assert "imports neither boto3 nor botocore" in done.stdout
    document = json.loads(files["--json"].read_text())
    assert all(value > 0 for value in document["rounds"][0].values())
    assert "ecdsa.signed_url" in document["rounds"][0]
    lines = files["--markdown"].read_text().splitlines()
    assert {line.count("|") for line in lines if line.startswith("| **")} == {8}


@pytest.mark.parametrize("option", ["--seconds", "--rounds"])
def test_nothing_is_measured_for_nothing(option: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", option, "0"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "must be positive" in done.stderr
