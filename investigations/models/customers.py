"""The customer directory: one account of the vendor, with its ids in each system."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models


class Customer(models.Model):
    org_id = models.CharField(max_length=120, unique=True, help_text="The tenant's id in the telemetry")
    name = models.CharField(max_length=200, blank=True)
    domains = ArrayField(models.CharField(max_length=253), default=list, blank=True)  # lower case
    emails = ArrayField(models.EmailField(), default=list, blank=True)  # lower case, for private addresses
    plan = models.CharField(max_length=80, blank=True)
    tier = models.CharField(max_length=40, blank=True)
    stripe_customer = models.CharField(max_length=80, blank=True, db_index=True)
    linear_customer = models.CharField(max_length=80, blank=True)
    mrr_minor = models.PositiveBigIntegerField(null=True, blank=True)  # revenue a month, minor units; null = not known
    mrr_currency = models.CharField(max_length=3, blank=True)  # upper case
    renews_on = models.DateField(null=True, blank=True)  # when the contract is renewed next
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ("name", "org_id")
        constraints = (
            models.CheckConstraint(
                condition=models.Q(mrr_minor=None) | ~models.Q(mrr_currency=""), name="customer_mrr_has_currency"
            ),
        )
        indexes = (GinIndex(fields=["domains"]), GinIndex(fields=["emails"]))

    def __str__(self) -> str:
        return self.name or self.org_id
