"""One instance, collected: what is withheld, the crawl, the facts, and single facts by name."""
