"""Attachments on the local disk: readable by this service alone, and there after a power cut."""

import os
from pathlib import Path
from typing import Any

from django.core.files.storage import FileSystemStorage


class LocalFiles(FileSystemStorage):
    """Django's, with our permissions unless others are set, and with fsync."""

    def __init__(self, **options: Any) -> None:
        super().__init__(
            **{"file_permissions_mode": 0o600, "directory_permissions_mode": 0o700, **options}
        )

    def _save(self, name: str, content: Any) -> str:
        saved: str = super()._save(name, content)  # type: ignore[misc]
        path = Path(self.path(saved))
        _sync(path)
        _sync(path.parent)  # or the file may be there and its name not
        return saved


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
