"""What an instance says of itself: declared attributes, decoded."""
