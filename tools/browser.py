"""Find a Chromium for the browser tests, or get one, and remember where it is.

Tried in this order: SIGNER_BROWSER, the one found last time, what is installed on the machine,
Debian's package when running as root on Debian, Playwright's own download. Each candidate is
started once, because a browser that is present may still be unable to run. The path is left in
`.venv/browser`, where the tests read it. With none, the tests that need one are skipped, loudly;
under CI=true that is a failure.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Error, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
NOTE = ROOT / ".venv" / "browser"
COMMANDS = ("chromium", "google-chrome-stable", "google-chrome", "chromium-browser", "chrome")
MAC_APPLICATIONS = (
    "Google Chrome.app/Contents/MacOS/Google Chrome",
    "Chromium.app/Contents/MacOS/Chromium",
    "Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
)
WINDOWS_PROGRAMS = (
    "Google/Chrome/Application/chrome.exe",
    "Chromium/Application/chrome.exe",
    "Microsoft/Edge/Application/msedge.exe",
)


def main() -> int:
    """Leave the path of a browser that starts in `.venv/browser`."""
    named = os.environ.get("SIGNER_BROWSER")
    if named:
        return _keep(Path(named)) if _starts(Path(named)) else _none(f"{named} does not start")
    if NOTE.exists() and Path(NOTE.read_text(encoding="utf-8")).exists():
        return 0
    for candidate in _candidates():
        if _starts(candidate):
            return _keep(candidate)
    return _none("no Chromium was found and none could be installed")


def _candidates() -> Iterator[Path]:
    yield from _on_this_machine()
    yield from _from_debian()
    yield from _from_playwright()


def _on_this_machine() -> Iterator[Path]:
    for command in COMMANDS:
        found = shutil.which(command)
        if found:
            yield Path(found)
    for program in _where_programs_live():
        if program.exists():
            yield program


def _where_programs_live() -> list[Path]:
    if sys.platform == "darwin":
        homes = (Path("/Applications"), Path.home() / "Applications")
        return [home / program for home in homes for program in MAC_APPLICATIONS]
    if sys.platform == "win32":
        variables = ("PROGRAMFILES", "PROGRAMFILES(X86)", "LOCALAPPDATA")
        homes = tuple(Path(os.environ[name]) for name in variables if name in os.environ)
        return [home / program for home in homes for program in WINDOWS_PROGRAMS]
    return []


def _from_debian() -> Iterator[Path]:
    """Install Debian's package; Ubuntu's of that name is a snap, which tests cannot drive."""
    if sys.platform != "linux" or os.geteuid() != 0 or not shutil.which("apt-get"):
        return
    release = Path("/etc/os-release")
    if not release.exists() or "ID=debian" not in release.read_text(encoding="utf-8").split():
        return
    _say("installing Debian's chromium (120 MB, once) ...")
    install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium"]
    if not _ran(install):
        _ran(["apt-get", "update", "-qq"])
        _ran(install)
    found = shutil.which("chromium")
    if found:
        yield Path(found)


def _from_playwright() -> Iterator[Path]:
    _say("downloading Playwright's Chromium (150 MB, once) ...")
    if _ran([sys.executable, "-m", "playwright", "install", "chromium"]):
        # Left before the path is handed on: the next step starts Playwright again.
        with sync_playwright() as playwright:
            downloaded = Path(playwright.chromium.executable_path)
        yield downloaded


def _ran(command: list[str]) -> bool:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    try:
        done = subprocess.run(
            command, env=environment, stdout=subprocess.DEVNULL, timeout=900, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        _say(f"{command[0]}: {error}")
        return False
    return done.returncode == 0


def _starts(candidate: Path) -> bool:
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=candidate, args=["--disable-background-networking"]
            )
            version = browser.version
            browser.close()
    except Error as error:
        _say(f"{candidate} is there but does not start: {error.message.splitlines()[0]}")
        return False
    _say(f"browser for the tests: {candidate} ({version})")
    return True


def _keep(browser: Path) -> int:
    NOTE.write_text(str(browser), encoding="utf-8")
    return 0


def _none(reason: str) -> int:
    NOTE.unlink(missing_ok=True)
    in_ci = os.environ.get("CI") == "true"
    line = "!" * 72
    print(line)
    print(f"BROWSER TESTS {'CANNOT RUN' if in_ci else 'WILL BE SKIPPED'}: {reason}.")
    print("Install Chromium or Chrome, or name one: SIGNER_BROWSER=/path/to/chrome make test")
    print(line, flush=True)
    return 1 if in_ci else 0


def _say(text: str) -> None:
    print(f"[setup] {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
