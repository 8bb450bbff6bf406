"""Log-in against a real provider on loopback: the way it goes, and every way it must not."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import pytest

from signer.dev.identity import IdentityProvider, running_identity_provider
from signer.errors import ConfigurationError, IdentityError, RemoteError, RequestError
from signer.oidc.attempts import LOGIN_LIFETIME, MOST_ATTEMPTS
from signer.oidc.host_cookie import LOGIN_COOKIE, clearing_line, cookie_line
from signer.oidc.login import LoginFlow
from signer.oidc.provider import Provider
from signer.oidc.seal import Seal, new_key
from tests.oidc.browsing import REDIRECT_URI, Browser, choose, query_of
from tests.oidc.fake_provider import Clock


@pytest.fixture(scope="module")
def idp() -> Iterator[IdentityProvider]:
    with running_identity_provider() as running:
        yield running


@pytest.fixture
def flow(idp: IdentityProvider, clock: Clock) -> LoginFlow:
    client = idp.register(REDIRECT_URI)
    return LoginFlow(
        Provider(idp.issuer_url, clock=clock),
        client_id=client.client_id,
        client_secret=lambda: client.secret,
        redirect_uri=REDIRECT_URI,
        seal=Seal([new_key()], clock=clock),
        clock=clock,
    )


@pytest.fixture
def browser(flow: LoginFlow) -> Browser:
    return Browser(flow)


def refusal(browser: Browser, query: dict[str, str]) -> str:
    with pytest.raises(IdentityError) as caught:
        browser.finish(query)
    shown = f"{caught.value} {caught.value!r} {dict(caught.value.evidence)}"
    assert not any(len(value) > 8 and value in shown for value in query.values())
    return caught.value.code


def test_a_person_logs_in(browser: Browser) -> None:
    someone = browser.log_in("ada", "/films/?page=2")
    assert someone.subject == "ada"
    assert someone.claims["groups"] == ["gallery", "cinema"]
    assert someone.return_to == "/films/?page=2"
    assert someone.refresh_token
    assert someone.id_token
    assert browser.cookie is None
    shown = repr(someone)
    assert someone.refresh_token not in shown
    assert someone.id_token not in shown


def test_what_is_asked_for_is_bound_to_this_browser(
    browser: Browser, idp: IdentityProvider
) -> None:
    first, second = browser.begin(), browser.begin()
    assert urlsplit(first.location).netloc == urlsplit(idp.issuer_url).netloc
    asked = query_of(first.location)
    assert set(asked) == {
        "response_type",
        "client_id",
        "redirect_uri",
        "scope",
        "state",
        "nonce",
        "code_challenge",
        "code_challenge_method",
    }
    assert (asked["response_type"], asked["code_challenge_method"]) == ("code", "S256")
    assert asked["redirect_uri"] == REDIRECT_URI
    again = query_of(second.location)
    for name in ("state", "nonce", "code_challenge"):
        assert len(asked[name]) == 43
        assert asked[name] != again[name]
        assert asked[name] not in first.cookie
    assert repr(first) == "Begun()"


# Log-in CSRF: an attacker's answer in somebody else's browser.


def test_a_callback_without_a_cookie_is_refused(flow: LoginFlow, browser: Browser) -> None:
    attackers = choose(browser.begin(), "guest")
    assert refusal(Browser(flow), attackers) == "login_state"
    assert refusal(Browser(flow, cookie=""), attackers) == "login_state"


def test_an_attackers_callback_is_refused_in_a_browser_that_logs_in(
    flow: LoginFlow, browser: Browser
) -> None:
    attackers = choose(Browser(flow).begin(), "guest")
    mine = choose(browser.begin(), "ada")
    assert refusal(browser, attackers) == "login_state"
    assert browser.finish(mine).subject == "ada"


def test_an_attackers_code_with_my_state_is_refused(flow: LoginFlow, browser: Browser) -> None:
    """The state leaked; PKCE still ties the code to the browser that asked for it."""
    attackers = choose(Browser(flow).begin(), "guest")
    state = query_of(browser.begin().location)["state"]
    assert refusal(browser, {"code": attackers["code"], "state": state}) == "login_code"


def test_my_code_in_an_attackers_browser_is_refused(flow: LoginFlow, browser: Browser) -> None:
    mine = choose(browser.begin(), "ada")
    attacker = Browser(flow)
    state = query_of(attacker.begin().location)["state"]
    assert refusal(attacker, mine) == "login_state"
    attacker.begin()
    state = query_of(attacker.begin().location)["state"]
    assert refusal(attacker, {**mine, "state": state}) == "login_code"


def test_the_cookie_of_another_service_is_refused(
    idp: IdentityProvider, flow: LoginFlow, clock: Clock
) -> None:
    """Fixation: a cookie that an attacker sealed with keys of his own."""
    theirs = LoginFlow(
        Provider(idp.issuer_url, clock=clock),
        client_id="theirs",
        redirect_uri=REDIRECT_URI,
        seal=Seal([new_key()], clock=clock),
        clock=clock,
    ).begin("/")
    query = {"code": "c", "state": query_of(theirs.location)["state"]}
    assert refusal(Browser(flow, theirs.cookie), query) == "login_state"


def test_the_cookie_cannot_be_planted_from_a_sibling_host() -> None:
    assert LOGIN_COOKIE.startswith("__Host-")
    for line in (cookie_line(LOGIN_COOKIE, "v", max_age=600), clearing_line(LOGIN_COOKIE)):
        attributes = [part.strip() for part in line.split(";")[1:]]
        assert {"Path=/", "Secure", "HttpOnly", "SameSite=Lax"} <= set(attributes)
        assert not any(part.startswith("Domain") for part in attributes)


@pytest.mark.parametrize("change", ["", "x", None, "state\u0301", "A" * 43], ids=ascii)
def test_a_forged_state_is_refused(browser: Browser, change: str | None) -> None:
    query = choose(browser.begin(), "ada")
    if change is None:
        del query["state"]
    else:
        query["state"] = change
    assert refusal(browser, query) == "login_state"


def test_a_replayed_callback_is_refused(browser: Browser) -> None:
    query = choose(browser.begin(), "ada")
    copied = browser.cookie
    assert browser.finish(query).subject == "ada"
    assert refusal(browser, query) == "login_state"
    # Even with a copy of the cookie: the provider takes each code once.
    browser.cookie = copied
    assert refusal(browser, query) == "login_code"


def test_a_failed_callback_ends_the_log_in_too(browser: Browser) -> None:
    query = choose(browser.begin(), "ada")
    assert refusal(browser, {**query, "code": "guessed"}) == "login_code"
    assert refusal(browser, query) == "login_state"


def test_a_log_in_ends_after_ten_minutes(browser: Browser, clock: Clock) -> None:
    query = choose(browser.begin(), "ada")
    clock.now += LOGIN_LIFETIME.total_seconds()
    assert refusal(browser, query) == "login_state"


def test_an_old_log_in_ends_although_a_newer_one_keeps_the_cookie(
    browser: Browser, clock: Clock
) -> None:
    old = choose(browser.begin(), "ada")
    clock.now += 599
    new = choose(browser.begin(), "ada")
    clock.now += 1
    assert refusal(browser, old) == "login_state"
    assert browser.finish(new).subject == "ada"


@pytest.mark.parametrize("first", [0, 1])
def test_two_tabs_log_in_in_either_order(browser: Browser, first: int) -> None:
    begun = [browser.begin("/one"), browser.begin("/two")]
    queries = [choose(one, "ada") for one in begun]
    order = [first, 1 - first]
    assert [browser.finish(queries[at]).return_to for at in order] == [
        ("/one", "/two")[at] for at in order
    ]
    assert browser.cookie is None


def test_of_many_tabs_the_newest_can_end(browser: Browser) -> None:
    begun = [browser.begin(f"/{number}") for number in range(MOST_ATTEMPTS + 1)]
    queries = [choose(one, "ada") for one in begun]
    assert refusal(browser, queries[0]) == "login_state"
    assert [browser.finish(query).return_to for query in queries[1:]] == [
        f"/{number}" for number in range(1, MOST_ATTEMPTS + 1)
    ]


def test_long_addresses_make_fewer_tabs_and_never_a_cookie_too_large(browser: Browser) -> None:
    begun = [browser.begin("/" + str(number) * 1000) for number in range(4)]
    assert len(cookie_line(LOGIN_COOKIE, begun[-1].cookie, max_age=600)) <= 4096
    assert browser.finish(choose(begun[-1], "ada")).return_to == "/" + "3" * 1000
    with pytest.raises(RequestError) as caught:
        browser.begin("/" + "a" * 4000)
    assert caught.value.code == "return_to"


def test_the_answer_may_name_this_provider_and_no_other(
    browser: Browser, idp: IdentityProvider
) -> None:
    """Mix-up (RFC 9207): the code of one provider must not be sent to another."""
    query = choose(browser.begin(), "ada")
    assert browser.finish({**query, "iss": idp.issuer_url}).subject == "ada"
    for other in (f"{idp.issuer_url}/", "https://attacker.example", ""):
        query = choose(browser.begin(), "ada")
        assert refusal(browser, {**query, "iss": other}) == "login_issuer"


def test_a_person_declines(browser: Browser) -> None:
    begun = browser.begin()
    with httpx.Client(trust_env=False) as client:
        answer = client.post(begun.location, data={"action": "deny"})
    query = query_of(answer.headers["Location"])
    assert query["error"] == "access_denied"
    state = query_of(begun.location)["state"]  # this provider forgets it
    assert refusal(browser, {**query, "state": state}) == "login_denied"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        ("access_denied", "login_denied"),
        ("login_required", "login_refused"),
        ("invalid_request", "login_refused"),
        ("<script>alert(1)</script>", "login_refused"),
        ("", "login_refused"),
    ],
)
def test_an_error_in_the_answer_wins_over_a_code(browser: Browser, error: str, code: str) -> None:
    query = choose(browser.begin(), "ada")
    described = {**query, "error": error, "error_description": "canary-of-the-description"}
    assert refusal(browser, described) == code


@pytest.mark.parametrize("error", ["server_error", "temporarily_unavailable"])
def test_a_provider_that_is_busy_is_not_the_persons_fault(browser: Browser, error: str) -> None:
    state = query_of(browser.begin().location)["state"]
    with pytest.raises(RemoteError) as caught:
        browser.finish({"state": state, "error": error})
    assert caught.value.code == "provider_unavailable"


def test_an_error_for_a_log_in_of_another_browser_is_refused_first(browser: Browser) -> None:
    browser.begin()
    assert refusal(browser, {"state": "theirs", "error": "access_denied"}) == "login_state"


@pytest.mark.parametrize("code", [None, "", "\n", "a\0b", "c" * 5000, "\u00e4"], ids=ascii)
def test_a_code_that_is_none_is_refused(browser: Browser, code: str | None) -> None:
    query = {"state": query_of(browser.begin().location)["state"]}
    if code is not None:
        query["code"] = code
    with pytest.raises(IdentityError) as caught:
        browser.finish(query)
    assert caught.value.code == "login_refused"


def test_a_wrong_client_secret_is_ours_to_repair(idp: IdentityProvider, clock: Clock) -> None:
    flow = LoginFlow(
        Provider(idp.issuer_url, clock=clock),
        client_id=idp.register(REDIRECT_URI).client_id,
        client_secret=lambda: "canary-wrong-secret",
        redirect_uri=REDIRECT_URI,
        seal=Seal([new_key()], clock=clock),
        clock=clock,
    )
    with pytest.raises(RemoteError) as caught:
        Browser(flow).log_in()
    assert caught.value.code == "provider_refused"
    assert caught.value.evidence["error"] == "invalid_client"
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    ("code", "settings"),
    [
        ("oidc_redirect_uri", {"redirect_uri": "/auth/callback"}),
        ("oidc_redirect_uri", {"redirect_uri": "http://media.example.com/auth/callback"}),
        ("oidc_scopes", {"scopes": ["profile"]}),
        ("oidc_scopes", {"scopes": "openid"}),
        ("oidc_logout", {"logout_endpoint": "logout"}),
        ("token_settings", {"algorithms": ["HS256"]}),
        ("token_settings", {"client_id": ""}),
    ],
    ids=str,
)
def test_unsafe_settings_are_refused(
    idp: IdentityProvider, code: str, settings: dict[str, str]
) -> None:
    usual = {"client_id": "c", "redirect_uri": REDIRECT_URI, "seal": Seal([new_key()])}
    with pytest.raises(ConfigurationError) as caught:
        LoginFlow(Provider(idp.issuer_url), **{**usual, **settings})  # type: ignore[arg-type]
    assert caught.value.code == code
