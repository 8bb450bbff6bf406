"""Accidents around the signature: policies, Resources, dates, viewers, cookies, delivery."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

from signer.explain import Context, Explanation
from tests.explain.making import (
    END,
    HOST,
    KID,
    NOW,
    URL,
    Keys,
    accident,
    canned,
    cookie_values,
    custom,
    explained,
    policy,
)

PAGE = "https://app.example.com/login"


@accident(1)
def nothing_sent(keys: Keys) -> Explanation:
    return explained(URL, keys.p256)


@accident(1)
def parameters_behind_a_fragment(keys: Keys) -> Explanation:
    return explained(canned(keys.p256).replace("?", "#t=1&", 1), keys.p256)


@accident(1)
def signature_cut_off(keys: Keys) -> Explanation:
    return explained(f"{URL}?Expires={END}&Key-Pair-Id={KID}", keys.p256)


@accident(8)
def bucket_host(keys: Keys) -> Explanation:
    url = "https://films.s3.eu-central-1.amazonaws.com/a.mp4"
    return explained(canned(keys.p256, url), keys.p256)


@accident(9)
def ended(keys: Keys) -> Explanation:
    return explained(canned(keys.p256), keys.p256, now=END)


@accident(10)
def not_begun(keys: Keys) -> Explanation:
    return explained(custom(keys.p256, text=policy(start=NOW + 60)), keys.p256)


@accident(10)
def begins_now(keys: Keys) -> Explanation:
    return explained(custom(keys.p256, text=policy(start=NOW)), keys.p256)


@accident(10, severity="warning")
def began_just_now(keys: Keys) -> Explanation:
    return explained(custom(keys.p256, text=policy(start=NOW - 5)), keys.p256)


@accident(11)
def milliseconds_in_expires(keys: Keys) -> Explanation:
    return explained(canned(keys.p256, end=END * 1000), keys.p256)


@accident(11)
def milliseconds_in_policy(keys: Keys) -> Explanation:
    return explained(custom(keys.p256, text=policy(end=END * 1000)), keys.p256)


@accident(12, severity="warning", also=[9])
def day_and_month_swapped(keys: Keys) -> Explanation:
    end = int(datetime(2026, 3, 12, tzinfo=UTC).timestamp())
    now = datetime(2026, 11, 1, tzinfo=UTC).timestamp()
    return explained(canned(keys.p256, end=end), keys.p256, now=now)


@accident(12, severity="warning", also=[10])
def local_time_taken_for_utc(keys: Keys) -> Explanation:
    zone = timezone(timedelta(hours=2))
    text = policy(start=NOW + 7100, end=NOW + 86_400)
    return explained(custom(keys.p256, text=text), keys.p256, context=Context(zone=zone))


@accident(14, severity="warning")
def expires_beside_a_policy(keys: Keys) -> Explanation:
    return explained(custom(keys.p256) + f"&Expires={END + 60}", keys.p256)


@accident(28)
def resource_of_another_host(keys: Keys) -> Explanation:
    resource = "https://d111111abcdef8.cloudfront.net/films/*"
    return explained(custom(keys.p256, resource=resource), keys.p256)


@accident(29)
def resource_of_the_other_scheme(keys: Keys) -> Explanation:
    return explained(custom(keys.p256, resource="http://cdn.example.com/films/*"), keys.p256)


@accident(30)
def directory_without_a_star(keys: Keys) -> Explanation:
    return explained(custom(keys.p256, resource=f"{HOST}/films/"), keys.p256)


@accident(30)
def suffix_without_query(keys: Keys) -> Explanation:
    url = f"{HOST}/films/a.m3u8?v=1"
    return explained(custom(keys.p256, url, resource=f"{HOST}/films/*.m3u8"), keys.p256)


@accident(30)
def bare_domain_covers_the_root_only(keys: Keys) -> Explanation:
    return explained(custom(keys.p256, resource="*example.com"), keys.p256)


@accident(30)
def other_directory(keys: Keys) -> Explanation:
    return explained(custom(keys.p256, resource=f"{HOST}/music/*"), keys.p256)


@accident(30)
def question_mark_for_a_character(keys: Keys) -> Explanation:
    return explained(custom(keys.p256, resource=f"{HOST}/films/?.mp4"), keys.p256)


@accident(30)
def other_case(keys: Keys) -> Explanation:
    return explained(custom(keys.p256, resource=f"{HOST}/Films/*"), keys.p256)


@accident(30)
def any_protocol_in_cookies(keys: Keys) -> Explanation:
    url = custom(keys.p256, resource="*://cdn.example.com/films/*")
    return explained(URL, keys.p256, cookies=cookie_values(url))


@accident(31)
def lone_backslash(keys: Keys) -> Explanation:
    text = policy(f"{HOST}/films/a.mp4\\?*").replace("\\\\", "\\")
    return explained(custom(keys.p256, f"{URL}?v=1", text=text), keys.p256)


@accident(31, severity="warning")
def escaped_question_mark(keys: Keys) -> Explanation:
    text = policy(f"{HOST}/films/a.mp4\\?v=*")
    return explained(custom(keys.p256, f"{URL}?v=1", text=text), keys.p256)


@accident(32)
def star_in_the_url(keys: Keys) -> Explanation:
    return explained(canned(keys.p256, f"{HOST}/films/*"), keys.p256)


@accident(33)
def two_statements(keys: Keys) -> Explanation:
    text = policy()
    one = text.removeprefix('{"Statement":[').removesuffix("]}")
    return explained(custom(keys.p256, text=f'{{"Statement":[{one},{one}]}}'), keys.p256)


@accident(34)
def quoted_date(keys: Keys) -> Explanation:
    return explained(custom(keys.p256, text=policy(end=str(END))), keys.p256)


@accident(34)
def fractional_date(keys: Keys) -> Explanation:
    return explained(custom(keys.p256, text=policy(end=END + 0.5)), keys.p256)


@accident(34)
def misspelled_member(keys: Keys) -> Explanation:
    text = policy().replace("DateLessThan", "DatelessThan")
    return explained(custom(keys.p256, text=text), keys.p256)


@accident(34)
def no_json(keys: Keys) -> Explanation:
    return explained(custom(keys.p256, text=f"Resource: {URL}"), keys.p256)


@accident(34)
def fractional_expires(keys: Keys) -> Explanation:
    return explained(canned(keys.p256, end=f"{END}.0"), keys.p256)


@accident(35)
def other_address(keys: Keys) -> Explanation:
    text = policy(ip="203.0.113.0/24")
    return explained(custom(keys.p256, text=text), keys.p256, ip="198.51.100.7")


@accident(35)
def ipv6_viewer(keys: Keys) -> Explanation:
    text = policy(ip="203.0.113.0/24")
    return explained(custom(keys.p256, text=text), keys.p256, ip="2001:db8::7")


@accident(35)
def ipv6_condition(keys: Keys) -> Explanation:
    return explained(custom(keys.p256, text=policy(ip="2001:db8::/32")), keys.p256)


@accident(35)
def address_without_mask(keys: Keys) -> Explanation:
    text = policy(ip="203.0.113.9")
    return explained(custom(keys.p256, text=text), keys.p256, ip="203.0.113.9")


@accident(36)
def own_parameter_called_policy(keys: Keys) -> Explanation:
    cookies = cookie_values(custom(keys.p256))
    return explained(f"{URL}?Policy=strict", keys.p256, cookies=cookies)


@accident(36)
def own_parameter_called_expires(keys: Keys) -> Explanation:
    sent = canned(keys.p256).replace("?", "?Expires=never&", 1)
    return explained(sent, keys.p256)


def _set_cookies(key_url: str, attributes: str) -> tuple[str, ...]:
    values = cookie_values(key_url).items()
    return tuple(f"{name}={value}; {attributes}" for name, value in values)


def _cookies_set(keys: Keys, attributes: str, *, by: str | None = None) -> Explanation:
    lines = _set_cookies(custom(keys.p256), attributes)
    return explained(URL, keys.p256, context=Context(set_cookies=lines, cookies_set_by=by))


@accident(37)
def path_with_a_wildcard(keys: Keys) -> Explanation:
    return _cookies_set(keys, "Path=/films/*; Secure; HttpOnly")


@accident(37)
def path_of_the_login_page(keys: Keys) -> Explanation:
    return _cookies_set(keys, "Secure", by=f"{HOST}/auth/login")


@accident(37)
def host_only_cookies_of_the_app(keys: Keys) -> Explanation:
    return _cookies_set(keys, "Path=/; Secure", by=PAGE)


@accident(37)
def domain_of_the_app(keys: Keys) -> Explanation:
    return _cookies_set(keys, "Path=/; Domain=app.example.com; Secure", by=PAGE)


@accident(37)
def domain_of_everyone(keys: Keys) -> Explanation:
    return _cookies_set(keys, "Path=/; Domain=.cloudfront.net", by=PAGE)


@accident(37)
def cross_site_without_secure(keys: Keys) -> Explanation:
    return _cookies_set(keys, "Path=/; SameSite=None")


@accident(37)
def cookies_of_yesterday(keys: Keys) -> Explanation:
    return _cookies_set(keys, "Path=/; Expires=Wed, 21 Oct 2015 07:28:00 GMT")


@accident(38)
def policy_cookie_missing(keys: Keys) -> Explanation:
    cookies = cookie_values(custom(keys.p256))
    del cookies["CloudFront-Policy"]
    return explained(URL, keys.p256, cookies=cookies)


@accident(38)
def misspelled_cookie(keys: Keys) -> Explanation:
    cookies = cookie_values(custom(keys.p256))
    cookies["CloudFront-Key-Pair-ID"] = cookies.pop("CloudFront-Key-Pair-Id")
    return explained(URL, keys.p256, cookies=cookies)


@accident(38)
def cookie_from_two_paths(keys: Keys) -> Explanation:
    header = "; ".join(
        f"{name}={value}" for name, value in cookie_values(canned(keys.p256)).items()
    )
    return explained(URL, keys.p256, cookies=f"{header}; CloudFront-Expires={END - 60}")


@accident(38, severity="warning")
def both_kinds(keys: Keys) -> Explanation:
    cookies = cookie_values(custom(keys.p256)) | {"CloudFront-Expires": str(END)}
    return explained(URL, keys.p256, cookies=cookies)


@accident(39)
def cookie_percent_encoded(keys: Keys) -> Explanation:
    cookies = cookie_values(custom(keys.rsa))
    cookies["CloudFront-Signature"] = cookies["CloudFront-Signature"].replace("_", "%5F")
    return explained(URL, keys.rsa, cookies=cookies)


@accident(39)
def cookie_quoted(keys: Keys) -> Explanation:
    cookies = {name: f'"{value}"' for name, value in cookie_values(custom(keys.p256)).items()}
    cookies["CloudFront-Key-Pair-Id"] = KID
    cookies["CloudFront-Hash-Algorithm"] = "SHA256"
    return explained(URL, keys.p256, cookies=cookies)


@accident(40)
def canned_cookies_for_another_file(keys: Keys) -> Explanation:
    cookies = cookie_values(canned(keys.p256))
    return explained(f"{HOST}/films/b.mp4", keys.p256, cookies=cookies)


@accident(40)
def canned_cookies_for_the_directory(keys: Keys) -> Explanation:
    cookies = cookie_values(canned(keys.p256, f"{HOST}/films/"))
    return explained(URL, keys.p256, cookies=cookies)


@accident(47)
def segments_without_signature(keys: Keys) -> Explanation:
    playlist = (
        '#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI="key.bin"\n#EXTINF:4,\na0.ts\n#EXTINF:4,\na1.ts\n'
    )
    url = custom(keys.p256, f"{HOST}/films/a.m3u8")
    return explained(url, keys.p256, context=Context(playlist=playlist))


@accident(48)
def very_long_url(keys: Keys) -> Explanation:
    return explained(canned(keys.p256, f"{URL}?{'a' * 8200}"), keys.p256)


@accident(49, severity="warning")
def long_download(keys: Keys) -> Explanation:
    return explained(canned(keys.p256), keys.p256, context=Context(download_seconds=7200))


@accident(34)
def expires_is_a_word(keys: Keys) -> Explanation:
    return explained(canned(keys.p256, end="tomorrow"), None)
