"""The modules that Salt's loader adds to a minion, in a folder for each kind."""
