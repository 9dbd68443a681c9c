"""The filters and tests that templates have in addition to Jinja's own."""
