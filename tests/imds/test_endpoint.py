from __future__ import annotations

import pytest

from ec2facts.errors import DisabledError, UsageError
from ec2facts.imds.endpoint import resolve_endpoint, setting, url_of

ENDPOINT = "AWS_EC2_METADATA_SERVICE_ENDPOINT"
MODE = "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE"
DISABLED = "AWS_EC2_METADATA_DISABLED"
IPV4 = "http://169.254.169.254"
IPV6 = "http://[fd00:ec2::254]"


@pytest.mark.parametrize(
    ("endpoint", "environ", "url"),
    [
        (None, {}, IPV4),
        (None, {ENDPOINT: "", MODE: "", DISABLED: ""}, IPV4),
        (None, {MODE: "IPv4"}, IPV4),
        (None, {MODE: "IPv6"}, IPV6),
        (None, {MODE: "ipv6"}, IPV6),
        (None, {ENDPOINT: "http://127.0.0.1:1338"}, "http://127.0.0.1:1338"),
        (None, {ENDPOINT: "http://127.0.0.1:1338/"}, "http://127.0.0.1:1338"),
        (None, {ENDPOINT: "http://127.0.0.1:1338", MODE: "IPv6"}, "http://127.0.0.1:1338"),
        (None, {ENDPOINT: "https://[::1]:8443/below"}, "https://[::1]:8443/below"),
        (None, {DISABLED: "false"}, IPV4),
        (None, {DISABLED: "1"}, IPV4),
        ("http://127.0.0.1:1", {}, "http://127.0.0.1:1"),
        ("http://127.0.0.1:1//", {ENDPOINT: "nonsense", MODE: "nonsense", DISABLED: "true"}, "http://127.0.0.1:1"),
    ],
)
def test_argument_overrides_the_variable_and_the_mode(endpoint: str | None, environ: dict[str, str], url: str) -> None:
    assert resolve_endpoint(endpoint, environ) == url


NO_URLS = [
    "nonsense",
    "169.254.169.254",
    "localhost:1338",
    "//127.0.0.1",
    "ftp://127.0.0.1",
    "file:///etc/passwd",
    "http://",
    "http://:80",
    "http://[",
    "http://[::1",
    "http://127.0.0.1:port",
    "http://127.0.0.1:99999",
    "http://alice@127.0.0.1",
    "http://:example@127.0.0.1",
    "http://127.0.0.1?x",
    "http://127.0.0.1#x",
    "http://127.0.0.1 ",
    "http://127.0.0.1:1338\r",
    "http://127.0.0.1/a b",
    "http://127.0.0.1\n",
    "http://127.0.0.1\0",
]


@pytest.mark.parametrize("url", NO_URLS)
def test_variable_that_is_not_a_url_is_an_error_that_names_it(url: str) -> None:
    with pytest.raises(UsageError, match=f"^{ENDPOINT} is ") as caught:
        resolve_endpoint(None, {ENDPOINT: url})

    assert repr(url) in str(caught.value)


@pytest.mark.parametrize("url", ["", *NO_URLS])
def test_argument_that_is_not_a_url_is_an_error(url: str) -> None:
    with pytest.raises(UsageError, match=r"^the endpoint is "):
        resolve_endpoint(url, {})


def test_unknown_mode_is_an_error_that_names_the_modes() -> None:
    with pytest.raises(UsageError, match=f"{MODE} is 'ipv5'; it must be IPv4 or IPv6"):
        resolve_endpoint(None, {MODE: "IPv5", ENDPOINT: "http://127.0.0.1:1"})


@pytest.mark.parametrize("value", ["true", "True", "TRUE"])
@pytest.mark.parametrize(
    ("environ", "url"), [({}, IPV4), ({MODE: "IPv6"}, IPV6), ({ENDPOINT: "http://127.0.0.1:1"}, "http://127.0.0.1:1")]
)
def test_service_disabled_by_variable_is_an_error_that_names_the_variable(
    value: str, environ: dict[str, str], url: str
) -> None:
    with pytest.raises(DisabledError, match=DISABLED) as caught:
        resolve_endpoint(None, {**environ, DISABLED: value})

    assert caught.value.endpoint == url


@pytest.mark.parametrize(("value", "number"), [(None, 3), ("", 3), ("1", 1), ("0.25", 0.25), (" 2 ", 2), ("1e1", 10)])
def test_setting_is_a_positive_number(value: str | None, number: float) -> None:
    environ = {} if value is None else {"NAME": value}

    assert setting("NAME", environ, default=3) == number


@pytest.mark.parametrize("value", ["0", "-1", "inf", "nan", "1e400", "soon", "1 2", "1,5", "0x10", "1e300"])
def test_setting_that_is_not_a_positive_number_is_an_error_that_names_it(value: str) -> None:
    with pytest.raises(UsageError, match=f"^NAME is '{value}'; it must be a positive number up to 86400$"):
        setting("NAME", {"NAME": value}, default=3)


@pytest.mark.parametrize(
    ("path", "url"),
    [
        ("", "http://127.0.0.1/latest/"),
        ("meta-data/", "http://127.0.0.1/latest/meta-data/"),
        ("meta-data/network/interfaces/macs/0a:00:5e:00:53:01/mac", None),
        ("meta-data/tags/instance/-_+=,.@:~", None),
        ("meta-data/a b", "http://127.0.0.1/latest/meta-data/a%20b"),
        ("meta-data/%", "http://127.0.0.1/latest/meta-data/%25"),
        ("meta-data/%20", "http://127.0.0.1/latest/meta-data/%2520"),
        ("meta-data/#?", "http://127.0.0.1/latest/meta-data/%23%3F"),
        ("meta-data/gr\u00f6\u00dfe", "http://127.0.0.1/latest/meta-data/gr%C3%B6%C3%9Fe"),
        ("meta-data/\r\n\0", "http://127.0.0.1/latest/meta-data/%0D%0A%00"),
    ],
)
def test_segments_of_a_path_are_percent_encoded(path: str, url: str | None) -> None:
    assert url_of("http://127.0.0.1", path) == (url or f"http://127.0.0.1/latest/{path}")
