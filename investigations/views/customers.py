"""The customer directory."""

from __future__ import annotations

from django.contrib import messages
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from altor.access import page, person
from altor.listing import keyset_page
from investigations.forms import CustomerForm
from investigations.models import Customer, Investigation, Ticket
from investigations.services.directory import save_customer


@require_safe
@page("customer.read")
def customers(request: HttpRequest) -> HttpResponse:
    text = request.GET.get("q", "").strip()[:120]
    listed = Customer.objects.all()
    if text:
        listed = listed.filter(
            Q(name__icontains=text)
            | Q(org_id__icontains=text)
            | Q(domains__contains=[text.lower()])
            | Q(stripe_customer=text)
        )
    context = {
        "here": "customers",
        "page": keyset_page(listed, request.GET.get("cursor", "")),
        "q": text,
        "may_edit": person(request).may("customer.edit"),
    }
    return render(request, "investigations/customer_list.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@page("customer.read")
def customer(request: HttpRequest, org_id: str) -> HttpResponse:
    """One customer with its tickets and causes, as far as the person may see them; leads may edit it here."""
    user = person(request)
    found = get_object_or_404(Customer, org_id=org_id)
    may_edit = user.may("customer.edit")
    form = CustomerForm(request.POST if request.method == "POST" and may_edit else None, instance=found)
    if request.method == "POST" and may_edit and form.is_valid():
        save_customer(form.save(commit=False), actor=user)
        messages.success(request, "Saved.")
        return redirect("investigations:customer", form.instance.org_id)
    if form.errors:
        found = get_object_or_404(Customer, org_id=org_id)  # the form has put the refused values on its own copy
    runs = Investigation.objects.visible_to(user).filter(ticket__customer=found, status=Investigation.Status.DONE)
    context = {
        "here": "customers",
        "customer": found,
        "tickets": Ticket.objects.visible_to(user).filter(customer=found).with_context()[:25],
        "runs": runs.select_related("ticket").defer("diagnosis")[:10],
        "form": form,
        "may_edit": may_edit,
    }
    return render(request, "investigations/customer_detail.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@page("customer.edit")
def new_customer(request: HttpRequest) -> HttpResponse:
    form = CustomerForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        saved = save_customer(form.save(commit=False), actor=person(request))
        messages.success(request, f"{saved} is in the directory.")
        return redirect("investigations:customer", saved.org_id)
    return render(
        request,
        "investigations/customer_new.html",
        {"here": "customers", "form": form},
        status=422 if form.errors else 200,
    )
