"""Clue sources: from pages that people wrote about how places look to rows of `clues`.

Fetching (a Scrapy spider in a process of its own) is separate from parsing (a source's `parse`,
which needs a saved page and nothing else).
"""
