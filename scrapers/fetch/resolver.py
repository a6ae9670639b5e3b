"""The resolver of the spider's process: a name that leads into a private network leads nowhere.

It stands between the endpoint that connects and the system's resolver, so the addresses that pass
are the very ones that are connected to; a name that answers differently a second time gains
nothing. Hosts that the user named as private (`PRIVATE_HOSTS`) and the user's proxies pass. Through
a proxy the spider sees no address of the site: that is then the proxy's to refuse.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies

from scrapy.crawler import Crawler
from scrapy.resolver import CachingHostnameResolver
from twisted.internet.interfaces import IAddress, IHostResolution, IResolutionReceiver
from zope.interface import implementer

from scrapers.fetch.addresses import is_public


class PublicOnly(CachingHostnameResolver):
    """Passes public addresses on; `refused` collects the names that had none but private ones."""

    def __init__(self, reactor: Any, cache_size: int, allowed: Sequence[str], refused: set[str]):
        super().__init__(reactor, cache_size)
        proxies = (urlsplit(proxy).hostname or "" for proxy in getproxies().values())
        self.allowed = frozenset((*allowed, *proxies))
        self.refused = refused

    @classmethod
    def from_crawler(cls, crawler: Crawler, reactor: Any) -> PublicOnly:
        settings = crawler.settings
        size = settings.getint("DNSCACHE_SIZE")
        return cls(reactor, size, settings["PRIVATE_HOSTS"], settings["REFUSED_HOSTS"])

    def resolveHostName(
        self, resolutionReceiver: IResolutionReceiver, hostName: str, *args: Any, **kwargs: Any
    ) -> IHostResolution:
        if hostName.lower() not in self.allowed:
            resolutionReceiver = _Receiver(resolutionReceiver, hostName.lower(), self.refused)
        return super().resolveHostName(resolutionReceiver, hostName, *args, **kwargs)


@implementer(IResolutionReceiver)
class _Receiver:
    """Takes the addresses of one name and hands on the public ones."""

    def __init__(self, inner: IResolutionReceiver, name: str, refused: set[str]) -> None:
        self.inner, self.name, self.refused = inner, name, refused
        self.passed = self.private = 0

    def resolutionBegan(self, resolutionInProgress: IHostResolution) -> None:
        self.inner.resolutionBegan(resolutionInProgress)

    def addressResolved(self, address: IAddress) -> None:
        if is_public(ipaddress.ip_address(address.host.partition("%")[0])):
            self.passed += 1
            self.inner.addressResolved(address)
        else:
            self.private += 1

    def resolutionComplete(self) -> None:
        if self.private and not self.passed:
            self.refused.add(self.name)
        self.inner.resolutionComplete()
