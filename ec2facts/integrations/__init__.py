"""Engines that run a fleet: each integration calls the library and returns data under one key."""
