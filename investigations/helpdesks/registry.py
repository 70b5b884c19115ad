"""The helpdesks that Altor knows: the setting `HELPDESKS`, by name."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from altor.errors import InvalidInput
from altor.registry import parts
from investigations.helpdesks.base import Helpdesk, Options


def helpdesks() -> dict[str, Helpdesk]:
    """Name -> adapter, in the setting's order."""
    return {adapter.name: adapter() for adapter in parts("HELPDESKS")}


def helpdesk_named(name: str) -> Helpdesk | None:
    return helpdesks().get(name)


def options_of(adapter: Helpdesk, data: dict[str, Any]) -> Options:
    """A connection's options, checked. InvalidInput names the field."""
    try:
        return adapter.options.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise InvalidInput(
            f"{where}: {first['msg'].removeprefix('Value error, ')}", errors={where: [first["msg"]]}
        ) from None
