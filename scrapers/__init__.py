"""Clue sources: from pages that people wrote about how places look to rows of `clues`.

`fetch/` brings pages (a Scrapy spider in a process of its own), a source in `sources/` reads a
saved page into passages, `text/` reads sentences, places and topics from those, and `stage` makes
rows of them. Parsing needs a saved page and nothing else.
"""
