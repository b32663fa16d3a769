"""Reading of the catalogue files: each once, through the safe loader."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, cast

import yaml

from rongqiao.kernel.errors import ContractError
from rongqiao.kernel.home import home


@lru_cache(maxsize=64)
def document(name: str) -> dict[str, Any]:
    """Return ``catalog/<name>.yaml`` as read; callers must not change it.

    Raises
    ------
    ContractError
        If there is no such file, or it is no YAML.
    """
    path = home() / "catalog" / f"{name}.yaml"
    try:
        loaded = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    except FileNotFoundError as error:
        raise ContractError(
            "catalogue file", str(path), "Set RONGQIAO_HOME to the folder that holds catalog/."
        ) from error
    except yaml.YAMLError as error:
        raise ContractError("catalogue file", str(path), f"It is not valid YAML: {error}.") from error
    return cast("dict[str, Any]", loaded)


def entry(name: str, section: str | None, entry_id: str) -> Any:
    """Return one entry of a file, or of one of its sections.

    Raises
    ------
    ContractError
        If there is no such entry; the error names the file.
    """
    whole = document(name)
    entries = whole if section is None else whole[section]
    if entry_id not in entries:
        raise ContractError(
            f"catalog/{name}.yaml", entry_id, f"It has no such entry; it has: {', '.join(map(str, entries))}."
        )
    return entries[entry_id]
