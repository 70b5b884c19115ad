"""How much a form with files may hold. The framework bounds everything in a body but its files."""

from __future__ import annotations

from typing import Any, Final

from django.core.exceptions import RequestDataTooBig
from django.core.files.uploadhandler import FileUploadHandler

#: Three of the largest files that any page takes.
MOST_BYTES: Final = 16_000_000


class BoundedUploadHandler(FileUploadHandler):
    """First of FILE_UPLOAD_HANDLERS: refuses by the length that the request says, which nothing reads past."""

    def handle_raw_input(
        self, input_data: Any, META: Any, content_length: int, boundary: Any, encoding: Any = None  # noqa: N803
    ) -> None:  # fmt: skip
        if content_length > MOST_BYTES:
            raise RequestDataTooBig(f"A form with files has at most {MOST_BYTES} bytes.")

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:
        """On to the handlers that store it."""
        return raw_data

    def file_complete(self, file_size: int) -> None:
        return None
