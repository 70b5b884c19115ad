"""What escalations stores."""

from escalations.models.linear import (
    IssueChange,
    IssueComment,
    IssueLink,
    IssuePull,
    LinearConnection,
    TrackedIssue,
)

__all__ = ["IssueChange", "IssueComment", "IssueLink", "IssuePull", "LinearConnection", "TrackedIssue"]
