"""The attributes of an instance: declarations, decoders and the schema."""
