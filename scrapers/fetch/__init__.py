"""Pages from sites: a polite spider, what a site permits, and pages kept as they were fetched."""
