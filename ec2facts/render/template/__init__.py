"""Templates: the search for a template, its variables, and the Jinja environment that renders it."""
