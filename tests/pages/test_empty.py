"""Pages of an installation that holds nothing yet (without the scene, which stands for a whole module)."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from tests import factories as make

pytestmark = pytest.mark.django_db


def test_empty_installation_shows_the_way_on(client: Client) -> None:
    client.force_login(make.user("first", role="admin"))
    for url in (
        reverse("today"),
        reverse("investigations:runs"),
        reverse("investigations:tickets"),
        reverse("investigations:customers"),
        reverse("investigations:playbooks"),
        reverse("investigations:inbound"),
        reverse("investigations:connections"),
        reverse("audit"),
        reverse("tokens"),
        reverse("people"),
    ):
        assert client.get(url).status_code == 200, url
    assert "Connect sources" in client.get(reverse("today")).content.decode()
