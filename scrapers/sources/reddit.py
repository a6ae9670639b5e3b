"""Reddit's r/geoguessr through the official API, with a key from the environment.

Read are the titles and texts of posts, page by page (`after`), from the best of all time on; the
argument is another listing's address. `REDDIT_TOKEN` is sent as it stands; from
`REDDIT_CLIENT_ID` and `REDDIT_CLIENT_SECRET` a token is asked for before the crawl. It goes to
the listing's own host only, and into no file. Posts are their authors', under no open licence.
"""

from __future__ import annotations

import json
import os
import re
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from urllib.error import URLError
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit, urlunsplit
from urllib.request import Request, urlopen

from pydantic import BaseModel

from georeasoner.errors import ConfigError
from georeasoner.registry import register
from scrapers.fetch.crawl import CrawlSettings
from scrapers.fetch.pages import Page
from scrapers.markup import json_of, markdown_text
from scrapers.source import Passage

START = "https://oauth.reddit.com/r/geoguessr/top?t=all&limit=100&raw_json=1"
TOKENS = "https://www.reddit.com/api/v1/access_token"
TERMS = "https://www.redditinc.com/policies/data-api-terms"
_POSTS = "https://www.reddit.com"
_KEY, _ID, _SECRET = "REDDIT_TOKEN", "REDDIT_CLIENT_ID", "REDDIT_CLIENT_SECRET"
_EXAMPLE = '{"data": {"after": null, "children": [{"data": {"title": ..., "permalink": ...}}]}}'
_GONE = frozenset({"[removed]", "[deleted]"})
_PICTURE = re.compile(r"\.(jpe?g|png|webp)$", re.IGNORECASE)
_PARAGRAPH = re.compile(r"\n\s*\n|\n(?=\s*(?:[*+-]|\d+\.)\s)")


class _Post(BaseModel):
    title: str
    permalink: str
    selftext: str | None = None
    link_flair_text: str | None = None
    url_overridden_by_dest: str | None = None
    removed_by_category: str | None = None


class _Child(BaseModel):
    data: _Post


class _Page(BaseModel):
    after: str | None = None
    children: list[_Child]


class _Listing(BaseModel):
    data: _Page


@register("clue_source", "reddit")
class Reddit:
    """r/geoguessr, or the listing at the address given."""

    def __init__(self, argument: str | None = None) -> None:
        self.start_url = argument or START
        self.host = urlsplit(self.start_url).netloc
        self.api_terms = TERMS if self.host == urlsplit(START).netloc else None

    @contextmanager
    def start_urls(self) -> Iterator[tuple[str, ...]]:
        """The listing's first page, while the environment holds a token for the spider.

        Raises `ConfigError` where there is no key, or Reddit does not take it.
        """
        if os.environ.get(_KEY):
            yield (self.start_url,)
            return
        client, secret = os.environ.get(_ID), os.environ.get(_SECRET)
        if not client or not secret:
            raise ConfigError(
                f"no key for Reddit's API in the environment ({_KEY}, or {_ID} and {_SECRET})",
                "one of them",
                "register an application at https://www.reddit.com/prefs/apps",
            )
        os.environ[_KEY] = access_token(TOKENS, client, secret)
        try:
            yield (self.start_url,)
        finally:
            del os.environ[_KEY]

    def request_headers(self, url: str) -> Mapping[str, str]:
        """The token, for the listing's own host."""
        token = os.environ.get(_KEY)
        mine = urlsplit(url).netloc == self.host
        return {"Authorization": f"Bearer {token}"} if token and mine else {}

    def links(self, page: Page) -> Iterator[str]:
        """The listing's next page."""
        after = json_of(page, _Listing, _EXAMPLE).data.after
        if after:
            parts = urlsplit(page.url)
            query = dict(parse_qsl(parts.query)) | {"after": after}
            yield urlunsplit(parts._replace(query=urlencode(query)))

    def parse(self, page: Page) -> Iterator[Passage]:
        """Title and paragraphs of each post; what was removed is not there any more."""
        for child in json_of(page, _Listing, _EXAMPLE).data.children:
            post = child.data
            if post.removed_by_category or post.selftext in _GONE:
                continue
            picture = post.url_overridden_by_dest or ""
            for paragraph in (post.title, *_PARAGRAPH.split(post.selftext or "")):
                if text := markdown_text(paragraph):
                    yield Passage(
                        text=text,
                        source_url=urljoin(_POSTS, post.permalink),
                        license=None,
                        topic=post.link_flair_text,
                        image_url=picture if _PICTURE.search(urlsplit(picture).path) else None,
                    )


def access_token(url: str, client: str, secret: str) -> str:
    """A token for reading without a user, by OAuth's client credentials.

    Raises `ConfigError` where the key is refused or the answer is no token.
    """
    basic = b64encode(f"{client}:{secret}".encode()).decode()
    headers = {"Authorization": f"Basic {basic}", "User-Agent": CrawlSettings().user_agent}
    request = Request(url, b"grant_type=client_credentials", headers)
    try:
        with urlopen(request, timeout=30) as answer:
            token = json.load(answer).get("access_token")
    except (URLError, OSError, ValueError, AttributeError) as error:
        raise ConfigError(f"no token from {url} ({error})", f"a key in {_ID}, {_SECRET}") from None
    if not isinstance(token, str) or not token:
        raise ConfigError(f"no token from {url}", f"a key in {_ID}, {_SECRET} that it takes")
    return token
