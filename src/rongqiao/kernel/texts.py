"""Words that a person wrote and the house keeps: whole, or refused."""

from __future__ import annotations

from rongqiao.kernel.errors import InvalidValueError


def whole_text(thing: str, text: str, longest: int) -> str:
    """Strip what a person wrote; what is longer than can be kept is refused, never cut.

    Parameters
    ----------
    thing : str
        What the text is, as its writer calls it.
    text : str
    longest : int
        Characters that can be kept.

    Raises
    ------
    InvalidValueError
        If it is longer, or holds a NUL, which the database keeps in no text.
    """
    kept = text.strip()
    if len(kept) > longest:
        raise InvalidValueError(thing, f"{kept[:20]}…", f"共 {len(kept)} 个字，请不超过 {longest} 个字。")
    if "\0" in kept:
        raise InvalidValueError(thing, kept.replace("\0", "�"), "含有不可见的空字符，请删去后重填。")
    return kept
