"""Routes of the REST contract that belong to escalations, below /api/v1/."""

from __future__ import annotations

from django.urls import re_path

from escalations.api.packets import PacketView

urlpatterns = [
    re_path(
        r"^investigations/(?P<ref>INV-[0-9]{1,17})/packet/$", PacketView.as_view(), name="api-investigation-packet"
    ),
]
