"""What knowledge stores."""

from knowledge.models.replies import PromisedUpdate, Reply, ReplyTemplate, ReplyTemplateVersion

__all__ = ["PromisedUpdate", "Reply", "ReplyTemplate", "ReplyTemplateVersion"]
