"""Those at work while keys are replaced: viewers who use what they got, and ticks that die."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

import httpx

from signer.edge import EdgeLocation
from tests.conftest import ROOT
from tests.dying_ticks import DIED


@dataclass(frozen=True)
class Ticket:
    """What a viewer got: a URL, or a path and cookies; good until it expires."""

    key_pair_id: str
    expires: float
    url: str
    cookies: str = ""


@dataclass
class Tally:
    """What became of all requests."""

    served: Counter[str] = field(default_factory=Counter)
    log_ins: int = 0
    ended: int = 0
    revoked: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    revoked_key: str = ""

    def __str__(self) -> str:
        return (
            f"{self.served.total()} requests served, of {len(self.served)} keys; "
            f"{self.log_ins} log-ins; {self.ended} ended on their way; "
            f"{self.revoked.total()} refused for a revoked key; wrong: {self.wrong[:5]}"
        )


class Viewer:
    """Gets cookies or a URL, uses them at all locations until they end, and gets new ones."""

    def __init__(
        self,
        site_url: str,
        tally: Tally,
        path: str,
        locations: Sequence[EdgeLocation],
        *,
        by_url: bool = False,
    ) -> None:
        self.site_url, self.tally, self.by_url = site_url, tally, by_url
        self.path, self.locations = path, locations
        self.client = httpx.Client(trust_env=False, timeout=30)

    def run(self, stop: threading.Event) -> None:
        with self.client:
            while not stop.is_set():
                try:
                    self._use(self.log_in(), stop)
                except Exception as error:  # noqa: BLE001 - told by the test, not by a thread
                    self.tally.wrong.append(f"{type(error).__name__}: {error}")
                    return

    def log_in(self) -> Ticket:
        wanted = (
            {"items": [{"grant": "share", "item": self.path.rpartition("/")[2]}]}
            if self.by_url
            else {}
        )
        body = json.dumps(wanted).encode()
        answer = self.client.post(
            f"{self.site_url}/auth/{'urls' if self.by_url else 'cookies'}",
            content=body,
            headers={
                "content-type": "application/json",
                "origin": self.site_url,
                "x-issuer-request": "1",
                "x-amz-content-sha256": hashlib.sha256(body).hexdigest(),
            },
        )
        assert answer.status_code == 200, answer.text
        self.tally.log_ins += 1
        if self.by_url:
            made = answer.json()["urls"][0]
            key_pair_id = parse_qs(urlsplit(made["url"]).query)["Key-Pair-Id"][0]
            return Ticket(key_pair_id, made["expires_at"], made["url"])
        pairs = [line.partition(";")[0] for line in answer.headers.get_list("set-cookie")]
        named = dict(pair.split("=", 1) for pair in pairs)
        # They are sent by hand, to every location.
        self.client.cookies.clear()
        return Ticket(
            named["CloudFront-Key-Pair-Id"],
            answer.json()["expires_at"],
            self.site_url + self.path,
            "; ".join(pairs),
        )

    def ask(self, ticket: Ticket, location: EdgeLocation) -> httpx.Response:
        headers = {"x-edge-location": location.name}
        if ticket.cookies:
            headers["cookie"] = ticket.cookies
        return self.client.get(ticket.url, headers=headers)

    def _use(self, ticket: Ticket, stop: threading.Event) -> None:
        while not stop.is_set() and time.time() < ticket.expires:
            for location in self.locations:
                answer = self.ask(ticket, location)
                if answer.status_code == 200:
                    self.tally.served[ticket.key_pair_id] += 1
                elif time.time() >= ticket.expires:
                    self.tally.ended += 1
                    return
                elif ticket.key_pair_id == self.tally.revoked_key:
                    self.tally.revoked[location.name] += 1
                    return
                else:
                    reason = answer.headers.get("x-edge-reason", answer.text)
                    self.tally.wrong.append(f"{ticket.key_pair_id} at {location.name}: {reason}")


class Ticker:
    """Runs processes that tick until they die, one after the other."""

    def __init__(self, endpoint_url: str, ring: str) -> None:
        self.endpoint_url, self.ring = endpoint_url, ring
        self.deaths = 0
        self.wrong: list[str] = []

    def run(self, stop: threading.Event) -> None:
        for life in range(1000):
            command = ["-m", "tests.dying_ticks", self.endpoint_url, self.ring, f"ticks {life}"]
            with subprocess.Popen(
                [sys.executable, *command], cwd=ROOT, stderr=subprocess.PIPE, text=True
            ) as process:
                while process.poll() is None and not stop.wait(0.05):
                    pass
                process.kill()
                said = process.communicate()[1]
            if stop.is_set():
                return
            self.deaths += 1
            if process.returncode != DIED:
                self.wrong.append(said[-500:])
                return
