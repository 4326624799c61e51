"""Folders of the user: where the system keeps a program's settings, data and state."""

from __future__ import annotations

import os
from pathlib import Path

_PROGRAM = "tallyport"


def settings_folder() -> Path:
    """Return the folder of settings that a person writes."""
    import platformdirs

    return platformdirs.user_config_path(_PROGRAM, appauthor=False)


def state_folder() -> Path:
    """Return the folder of what a run keeps for the next, and can do without."""
    import platformdirs

    return platformdirs.user_state_path(_PROGRAM, appauthor=False)


def data_folder() -> Path:
    """Return the folder of the user's data."""
    import platformdirs

    return platformdirs.user_data_path(_PROGRAM, appauthor=False)


def shared_data_folder() -> Path:
    """Return the folder of data that another user may have to reach whom root starts programs as: else the user's."""
    import platformdirs

    is_root = hasattr(os, "geteuid") and os.geteuid() == 0
    return platformdirs.site_state_path(_PROGRAM, appauthor=False) if is_root else data_folder()
