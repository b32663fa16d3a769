"""Names of the register by any part of them: an index of their pairs of characters, which every PostgreSQL can keep.

The usual extension for this, ``pg_trgm``, is not in the embedded server, and skips Chinese where the locale is plain.
"""

from __future__ import annotations

import string

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Func, Q

#: As PostgreSQL's ``lower`` in its plain locale: letters outside ASCII stay as they are.
_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


class NameGrams(Func):
    """Pairs of characters of a name, in lower case; the name itself where it has but one. The index stands on this."""

    function = "rongqiao_name_grams"
    arity = 1
    output_field = ArrayField(models.TextField())


def grams_of(text: str) -> list[str]:
    """Pairs of characters of what a person typed, as :class:`NameGrams` cuts a name."""
    folded = text.translate(_LOWER)
    return sorted({folded[at : at + 2] for at in range(max(len(folded) - 1, 1))})


def name_holds(text: str, *, grams: str) -> Q:
    """Condition that a name holds a text; one that begins with it, where that is a single character.

    Parameters
    ----------
    text : str
        Not blank.
    grams : str
        Name under which the queryset carries :class:`NameGrams` of ``name``.
    """
    if len(text) == 1:
        return Q(name__startswith=text)
    return Q(name__icontains=text, **{f"{grams}__contains": grams_of(text)})
