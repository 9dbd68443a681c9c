"""Facts in, text out."""
