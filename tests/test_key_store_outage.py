"""The key store goes away, or changes its key: what is signed meanwhile, and what is not."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from signer import KeyAlgorithm, PrivateKey, TrustedKeyGroup, Verifier, ViewerRequest, open_issuer
from signer.credential import Credential
from signer.custody import CustodyIssuer
from signer.errors import CredentialError, InputError, RemoteError, SignerError
from signer.refreshing import Refreshing, StaleError

URL = "https://cdn.example.com/films/a.mp4"
START = 1_800_000_000.0
MINUTE = 60.0
KEYS = [PrivateKey.generate(KeyAlgorithm.ECDSA_P256) for _ in range(3)]
IDS = ["K1AAAAAAAAAAAA", "K2BBBBBBBBBBBB", "K3CCCCCCCCCCCC"]


def document(index: int) -> str:
    return Credential(kid=f"{index}", key_pair_id=IDS[index], private_key=KEYS[index]).to_json()


class Store:
    """A secret store that can be down, slow, or hold another key."""

    def __init__(self) -> None:
        self.text = document(0)
        self.down = False
        self.delay = 0.0
        self.asked = 0
        self._lock = threading.Lock()

    def get_secret_value(self, *, SecretId: str) -> dict[str, object]:  # noqa: N803
        del SecretId
        with self._lock:
            self.asked += 1
        time.sleep(self.delay)
        if self.down:
            raise RemoteError("remote_unreachable", "the store did not answer")
        return {"SecretString": self.text}


class Clocks:
    """A wall clock and a steady one, moved together unless a test says otherwise."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.wall = START
        self.steady = 5000.0
        monkeypatch.setattr("signer.refreshing.time.monotonic", lambda: self.steady)

    def __call__(self) -> float:
        return self.wall

    def pass_by(self, seconds: float) -> None:
        self.wall += seconds
        self.steady += seconds


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def clocks(monkeypatch: pytest.MonkeyPatch) -> Clocks:
    return Clocks(monkeypatch)


def opened(store: Store, clocks: Clocks) -> CustodyIssuer:
    # The steady clock is given by name: a default argument was bound before it was replaced.
    issuer = open_issuer("secretsmanager:signing", client=store, clock=clocks)
    issuer._refreshed._steady = lambda: clocks.steady
    issuer.forget()
    issuer.current()
    store.asked = 0
    return issuer


def sign(issuer: CustodyIssuer) -> str:
    return issuer.signed_url(URL, expires_in=600)


def code_of(issuer: CustodyIssuer) -> str:
    with pytest.raises(SignerError) as caught:
        sign(issuer)
    return caught.value.code


def test_while_the_store_is_down_everything_is_signed_until_the_limit_and_nothing_after(
    store: Store, clocks: Clocks
) -> None:
    issuer = opened(store, clocks)
    store.down = True
    served = refused = 0
    for _ in range(60 * 6):
        clocks.pass_by(10)
        try:
            sign(issuer)
            served += 1
        except CredentialError as error:
            assert error.code == "credential_stale"  # noqa: PT017 - both outcomes are counted
            refused += 1
    # 30 minutes in steps of 10 seconds: the last one served is a step before the limit.
    assert (served, refused) == (179, 181)
    # It did not hammer the store: at most one attempt in about 27 seconds after the first few.
    assert store.asked < 150
    store.down = False
    clocks.pass_by(31)
    sign(issuer)


def test_the_refusal_says_for_how_long_and_why(store: Store, clocks: Clocks) -> None:
    issuer = opened(store, clocks)
    store.down = True
    clocks.pass_by(31 * MINUTE)
    with pytest.raises(CredentialError, match="1860 seconds ago") as caught:
        sign(issuer)
    assert caught.value.evidence["cause"] == "credential_unavailable"
    assert "PRIVATE" not in f"{caught.value!r}{caught.value}"


@pytest.mark.parametrize("threads", [64])
def test_many_threads_cause_one_refresh(store: Store, clocks: Clocks, threads: int) -> None:
    issuer = opened(store, clocks)
    store.delay = 0.05
    for _ in range(3):
        store.asked = 0
        clocks.pass_by(6 * MINUTE)
        together = threading.Barrier(threads)

        def work(_: int, together: threading.Barrier = together) -> str:
            together.wait()
            return sign(issuer)

        with ThreadPoolExecutor(threads) as pool:
            urls = list(pool.map(work, range(threads)))
        assert len(urls) == threads
        assert store.asked == 1


def test_the_first_reading_happens_once_for_all_who_wait(store: Store, clocks: Clocks) -> None:
    issuer = opened(store, clocks)
    issuer.forget()
    store.delay = 0.05
    with ThreadPoolExecutor(64) as pool:
        assert len(list(pool.map(lambda _: sign(issuer), range(64)))) == 64
    assert store.asked == 1


def test_others_do_not_wait_for_the_one_who_reads(store: Store, clocks: Clocks) -> None:
    issuer = opened(store, clocks)
    clocks.pass_by(6 * MINUTE)
    store.delay = 2
    reading = threading.Thread(target=sign, args=(issuer,))
    reading.start()
    while not store.asked:
        time.sleep(0.001)
    started = time.perf_counter()
    sign(issuer)
    assert time.perf_counter() - started < 1.5
    reading.join()


def test_a_rotation_never_pairs_a_key_with_the_id_of_another(store: Store, clocks: Clocks) -> None:
    issuer = opened(store, clocks)
    group = TrustedKeyGroup({name: key.public_key() for name, key in zip(IDS, KEYS, strict=True)})
    verifier = Verifier([group], clock=lambda: START)
    seen = set[str]()
    stop = threading.Event()

    def rotate() -> None:
        for index in itertools.cycle(range(3)):
            store.text = document(index)
            clocks.pass_by(0.0001)
            issuer.forget()
            if stop.wait(0.001):
                return

    rotating = threading.Thread(target=rotate)
    rotating.start()
    try:
        with ThreadPoolExecutor(8) as pool:
            for url in pool.map(lambda _: sign(issuer), range(2000)):
                verdict = verifier.verify(ViewerRequest(url))
                assert verdict.allowed, verdict.reason
                seen.add(url.rpartition("Key-Pair-Id=")[2].partition("&")[0])
    finally:
        stop.set()
        rotating.join()
    assert len(seen) > 1


def test_a_new_key_is_used_after_the_next_reading(store: Store, clocks: Clocks) -> None:
    issuer = opened(store, clocks)
    store.text = document(1)
    assert IDS[0] in sign(issuer)
    clocks.pass_by(5.5 * MINUTE + 1)
    assert IDS[1] in sign(issuer)
    assert issuer.key_pair_id == IDS[1]


@pytest.mark.parametrize("text", ["", "{}", '{"status": "not-initialised"}', "canary", "[]"])
def test_a_document_that_went_bad_is_not_taken(store: Store, clocks: Clocks, text: str) -> None:
    issuer = opened(store, clocks)
    store.text = text
    clocks.pass_by(10 * MINUTE)
    assert IDS[0] in sign(issuer)
    clocks.pass_by(21 * MINUTE)
    assert code_of(issuer) == "credential_stale"


JUMPS: list[tuple[str, Callable[[Clocks], None], str]] = [
    ("the wall clock jumps a day ahead", lambda c: setattr(c, "wall", c.wall + 86400), "stale"),
    ("the machine slept for an hour", lambda c: setattr(c, "wall", c.wall + 3600), "stale"),
    ("the wall clock is set back a day", lambda c: setattr(c, "wall", c.wall - 86400), "served"),
]


@pytest.mark.parametrize(
    ("jump", "outcome"), [case[1:] for case in JUMPS], ids=[case[0] for case in JUMPS]
)
def test_clock_jumps_make_nothing_younger(
    store: Store, clocks: Clocks, jump: Callable[[Clocks], None], outcome: str
) -> None:
    issuer = opened(store, clocks)
    store.down = True
    jump(clocks)
    if outcome == "stale":
        assert code_of(issuer) == "credential_stale"
    else:
        sign(issuer)
        # By the clock that nobody sets, half an hour passes all the same.
        clocks.pass_by(30 * MINUTE)
        assert code_of(issuer) == "credential_stale"
    store.down = False
    clocks.pass_by(31)
    sign(issuer)


def test_a_value_that_was_never_read_is_an_error_of_its_own(store: Store, clocks: Clocks) -> None:
    store.down = True
    with pytest.raises(CredentialError) as caught:
        open_issuer("secretsmanager:signing", client=store, clock=clocks)
    assert caught.value.code == "credential_unavailable"


@pytest.mark.parametrize(
    ("max_age", "stale_limit"), [(0, 60), (-1, 60), (60, 60), (60, 65), (120, 60)]
)
def test_ages_that_do_not_fit_are_refused(max_age: int, stale_limit: int) -> None:
    with pytest.raises(InputError) as caught:
        Refreshing(
            lambda: 1,
            max_age=timedelta(seconds=max_age),
            stale_limit=timedelta(seconds=stale_limit),
        )
    assert caught.value.code == "max_age"


def test_refreshes_are_spread() -> None:
    dues = set[float]()
    for _ in range(50):
        held = Refreshing(
            lambda: 1, max_age=timedelta(minutes=5), stale_limit=timedelta(minutes=30)
        )
        held.get()
        assert held._held is not None
        dues.add(held._held.due)
    assert all(270 <= due <= 330 for due in dues)
    assert len(dues) > 40


def test_stale_carries_no_value() -> None:
    assert str(StaleError(1.0, None)) == "stale"
