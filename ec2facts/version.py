"""The version of ec2facts."""

__version__ = "1.0.0"
