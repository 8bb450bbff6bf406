"""What the README shows is what happens."""

import doctest
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def fenced(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)


def test_python_examples_are_true() -> None:
    text = "\n".join(fenced("python"))
    examples = doctest.DocTestParser().get_doctest(text, {}, "README.md", "README.md", 0)
    assert len(examples.examples) > 10
    output: list[str] = []
    doctest.DocTestRunner().run(examples, out=output.append)
    assert not output, "".join(output)


@pytest.mark.parametrize("target", [*re.findall(r"`make ([a-z]+)", README), "demo"])
def test_make_targets_exist(target: str) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert re.search(rf"^{target}:", makefile, re.MULTILINE)


@pytest.mark.parametrize("link", re.findall(r"\]\((?!http)([^)#]+)\)", README))
def test_links_lead_somewhere(link: str) -> None:
    assert (ROOT / link).exists()


@pytest.mark.parametrize(
    "path", sorted(set(re.findall(r"`((?:tests|docs|signer)/[^`]+)`", README)))
)
def test_named_files_exist(path: str) -> None:
    assert (ROOT / path).exists()


def test_the_benchmark_table_is_the_one_of_the_page() -> None:
    page = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    table = re.search(r"^\| \| against \| ratio.*?(?=\n\n)", README, re.DOTALL | re.MULTILINE)
    assert table
    assert table[0].count("\n") > 8
    assert table[0] in page
