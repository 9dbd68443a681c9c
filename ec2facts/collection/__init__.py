"""Collecting one instance: withholding, the crawl, the facts, and the lookup of single facts."""
