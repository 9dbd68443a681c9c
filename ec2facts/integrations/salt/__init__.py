"""What Salt's loader adds to a minion: a folder for each kind of module."""
