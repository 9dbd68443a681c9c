"""Every fact of an Amazon EC2 instance."""
