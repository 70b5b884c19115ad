"""Rotations as configuration files. Addresses of imported calendars are secrets: they stay in the database."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any, ClassVar

from django.utils import timezone

from altor.configuration import canonical, parse
from altor.errors import DomainError, InvalidInput
from altor.models import User
from escalations.models import Rotation
from escalations.oncall.editing import create_rotation, save_rotation, set_active, usernames
from escalations.oncall.format import RotationForm, read_form


def as_file(form: RotationForm) -> str:
    """Canonical YAML; `begins` as people write it."""
    data: dict[str, Any] = {"owns": form.owns, "zone": form.zone, **form.model_dump(mode="json", exclude_defaults=True)}
    for seat in data["seats"]:
        for layer in seat.get("layers", []):
            if "begins" in layer:
                layer["begins"] = layer["begins"].replace("T", " ")[:16]
    return canonical(data)


class RotationsPart:
    """Active rotations, one file each. They come after teams, to which they belong."""

    name: ClassVar[str] = "rotations"

    def owns(self, file: str) -> bool:
        return file.startswith("rotations/") and file.count("/") == 1

    def export(self) -> dict[str, str]:
        found = {}
        for rotation in Rotation.objects.active().order_by("slug"):
            newest = rotation.versions.order_by("-number").first()
            if newest is not None:
                form = usernames(newest.document).model_copy(update={"default": rotation.is_default})
                found[f"rotations/{rotation.slug}.yaml"] = as_file(form)
        return found

    def apply(self, files: Mapping[str, str], *, prune: bool, actor: User | None) -> None:
        now, have = timezone.now(), self.export()
        # First: a file that was renamed ends one rotation and begins another of the same name.
        if prune and files:
            slugs = {PurePosixPath(file).stem for file in files}
            for rotation in Rotation.objects.active().exclude(slug__in=slugs).order_by("slug"):
                set_active(rotation, False, actor=actor, now=now)
        for file, text in files.items():
            if have.get(file) == text:
                continue
            slug = PurePosixPath(file).stem
            try:
                form = read_form(parse(file, text))
                known = Rotation.objects.filter(slug=slug).first()
                if known is None:
                    create_rotation(form, actor=actor, now=now, slug=slug, comment="configuration files", origin="file")
                    continue
                set_active(known, True, actor=actor, now=now)
                save_rotation(
                    known, form, actor=actor, now=now, based_on=None, comment="configuration files", origin="file"
                )
            except DomainError as error:
                raise InvalidInput(f"{file}: {error.detail}") from None
