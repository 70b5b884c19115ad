"""The customers of another installation, known for the intake of one ticket only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from investigations.models import Customer
from investigations.profile import CustomerRecord
from investigations.services.customers import among, import_directory


@contextmanager
def visiting(records: Sequence[CustomerRecord]) -> Iterator[set[int | None]]:
    """Inside, only these customers are known. Afterwards the directory is as it was, except for those whose primary
    keys were put into the set that this yields. In the caller's transaction; without records nothing happens.
    """
    keep: set[int | None] = set()  # None: the ticket's customer is not known
    if not records:
        yield keep
        return
    org_ids = {record.org_id.strip() for record in records}
    before = {customer.org_id: customer for customer in Customer.objects.filter(org_id__in=org_ids)}
    import_directory(records)
    with among(org_ids):
        yield keep
    new = org_ids - before.keys()
    Customer.objects.filter(org_id__in=new, tickets__isnull=True).exclude(pk__in=[key for key in keep if key]).delete()
    fields = [field.name for field in Customer._meta.concrete_fields if not field.primary_key]
    Customer.objects.bulk_update([customer for customer in before.values() if customer.pk not in keep], fields)
