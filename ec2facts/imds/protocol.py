"""The words of IMDSv2 (AWS, «Use the Instance Metadata Service to access instance metadata»)."""

from __future__ import annotations

TOKEN_PATH = "api/token"  # noqa: S105
TOKEN_HEADER = "X-aws-ec2-metadata-token"  # noqa: S105
TOKEN_TTL_HEADER = "X-aws-ec2-metadata-token-ttl-seconds"  # noqa: S105
TOKEN_TTL_SECONDS = 21600
"""The longest life of a token, and the one that is asked for."""

REDIRECTS = frozenset({301, 302, 303, 307, 308})
"""What old endpoints and proxies answer for a directory without its slash."""
