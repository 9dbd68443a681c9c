"""The declared attributes of an instance, decoded."""
