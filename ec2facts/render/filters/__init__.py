"""The filters of templates, beside Jinja's own."""
