"""Which URLs are of one site, and which lead into a private network.

A page must not be able to send the spider to the machines around it. What counts is the address
that a connection is made to, so `scrapers.fetch.resolver` asks here about every address that a name
leads to; what a URL alone tells (10.0.0.1, or 2130706433 and 0x7f.1 for 127.0.0.1) is refused
before that.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable
from urllib.parse import urlsplit

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_LOCAL_ENDINGS = (".localhost", ".local", ".internal", ".lan", ".home.arpa")
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


def site_of(url: str) -> tuple[str, int] | None:
    """Host (without "www.") and port of an http(s) URL; None for anything else.

    Two URLs are of one site when these agree; http and https on their own ports count as one.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return None
    default = port is None or port == {"http": 80, "https": 443}[parts.scheme]
    return parts.hostname.removeprefix("www."), 443 if default else int(port or 0)


def host_of(url: str) -> str:
    """The host of a URL in lower case, "" where it has none."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def address_of(host: str) -> Address | None:
    """The IP address that a host is written as, in any of the ways the system reads; else None."""
    try:
        return ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        pass
    try:
        return ipaddress.IPv4Address(socket.inet_aton(host))  # 2130706433, 0x7f.1, 127.1
    except (OSError, ValueError):
        return None


def is_public(address: Address) -> bool:
    """Whether an address is one of the public internet, also where it wraps another one."""
    if isinstance(address, ipaddress.IPv6Address):
        wrapped = address.ipv4_mapped or address.sixtofour
        if address in _NAT64:
            wrapped = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if wrapped is not None:
            return is_public(wrapped)
    return address.is_global and not address.is_multicast


def names_private_place(host: str) -> bool:
    """Whether a host says of itself that it is no public one: an address, or a local name."""
    if (address := address_of(host)) is not None:
        return not is_public(address)
    host = host.rstrip(".")
    return "." not in host or host.endswith(_LOCAL_ENDINGS)


def private_hosts(urls: Iterable[str]) -> frozenset[str]:
    """The hosts of URLs that were given by a person and are in a private place: these are meant."""
    return frozenset(host for url in urls if names_private_place(host := host_of(url)))


def is_loopback(url: str) -> bool:
    """Whether a URL points at this very machine."""
    host = host_of(url)
    address = address_of(host)
    return address.is_loopback if address is not None else host == "localhost"
