"""People, their role, and the teams whose tickets they see."""

from __future__ import annotations

from django.contrib.auth.models import AbstractUser
from django.db import models

from altor.roles import Role


class Team(models.Model):
    """A support team: tickets belong to one, people to any number."""

    name = models.CharField(max_length=80, unique=True)
    slug = models.SlugField(max_length=60, unique=True)
    is_default = models.BooleanField(default=False, help_text="Receives tickets that no rule assigns")
    timezone = models.CharField(max_length=60, default="UTC")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("name",)
        constraints = (
            models.UniqueConstraint(
                fields=["is_default"], condition=models.Q(is_default=True), name="team_one_default"
            ),
        )

    def __str__(self) -> str:
        return self.name


class User(AbstractUser):
    """A person. What they may do follows from `role` (see `altor.roles`), what they may see also from their teams."""

    email = models.EmailField(unique=True)
    role = models.CharField(max_length=10, choices=Role.choices, default=Role.AGENT)
    timezone = models.CharField(max_length=60, default="UTC")
    shortcuts_enabled = models.BooleanField(default=True)
    teams = models.ManyToManyField(Team, through="Membership", related_name="members", blank=True)
    # Sessions started before this moment are over: set on password change, deactivation and "log out everywhere".
    sessions_valid_after = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("username",)

    def __str__(self) -> str:
        return self.get_full_name() or self.username

    def may(self, permission: str) -> bool:
        """True when the person's role grants `permission` (a key of `altor.roles.PERMISSIONS`)."""
        from altor.roles import role_may

        return self.is_active and role_may(self.role, permission)


class Membership(models.Model):
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="memberships")

    class Meta:
        constraints = (models.UniqueConstraint(fields=["user", "team"], name="membership_once"),)

    def __str__(self) -> str:
        return f"{self.user} in {self.team}"
