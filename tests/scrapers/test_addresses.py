"""Which addresses are public, however they are written, and which URLs are of one site."""

from __future__ import annotations

import ipaddress

import pytest

from scrapers.fetch.addresses import (
    address_of,
    is_loopback,
    is_public,
    names_private_place,
    private_hosts,
    site_of,
)


@pytest.mark.parametrize(
    "address",
    [
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",  # where clouds keep their keys
        "127.0.0.1",
        "0.0.0.0",
        "100.64.0.1",
        "224.0.0.1",
        "::1",
        "::",
        "fe80::1",
        "fc00::1",
        "fd12:3456::1",
        "ff02::1",
        "::ffff:10.0.0.1",
        "64:ff9b::a00:1",  # NAT64 of 10.0.0.1
        "2002:a00:1::",  # 6to4 of 10.0.0.1
    ],
)
def test_private_addresses(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))
    assert names_private_place(address)


@pytest.mark.parametrize(
    "address", ["93.184.215.14", "2606:2800:21f::1", "::ffff:93.184.215.14", "64:ff9b::5db8:d70e"]
)
def test_public_addresses(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))
    assert not names_private_place(address)


@pytest.mark.parametrize("host", ["2130706433", "0x7f000001", "0177.0.0.1", "127.1", "0x7f.1"])
def test_other_ways_to_write_127_0_0_1(host: str) -> None:
    assert str(address_of(host)) == "127.0.0.1"
    assert names_private_place(host) and is_loopback(f"http://{host}/")


@pytest.mark.parametrize(
    ("host", "private"),
    [
        ("localhost", True),
        ("a.localhost", True),
        ("intranet", True),
        ("nas.local.", True),
        ("metadata.google.internal", True),
        ("router.lan", True),
        ("a.example", False),
        ("www.10.example", False),
    ],
)
def test_names_that_say_that_they_are_local(host: str, private: bool) -> None:
    assert names_private_place(host) is private


def test_hosts_that_a_person_gave() -> None:
    urls = ["http://[::1]:8000/", "https://a.example/", "http://NAS.local/x"]
    assert private_hosts(urls) == {"::1", "nas.local"}


def test_what_one_site_is() -> None:
    assert site_of("http://www.a.example/x") == site_of("https://a.example:443/y")
    assert site_of("http://a.example:8000/") != site_of("http://a.example/")
    assert site_of("http://b.a.example/") != site_of("http://a.example/")
    assert site_of("ftp://a.example/") is site_of("http://[bad") is site_of("http://a:b/") is None
