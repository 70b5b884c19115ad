"""What escalations stores."""

from escalations.models.oncall import (
    CalendarLink,
    ImportedCalendar,
    Rotation,
    RotationOverride,
    RotationVersion,
    ShiftSwap,
)

__all__ = ["CalendarLink", "ImportedCalendar", "Rotation", "RotationOverride", "RotationVersion", "ShiftSwap"]
