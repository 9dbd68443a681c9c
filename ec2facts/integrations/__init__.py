"""Integrations with engines such as Ansible and Salt: each calls the library and returns the facts under one key."""
