"""Templates: how they are found, and the Jinja environment that renders them."""
