"""A publication killed in the midst of a span: readers see whole portraits, and the next one brings over what is left, once."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest
from django.db import connection

from rongqiao.bases.enterprises.models import Enterprise, Portrait, Publication
from rongqiao.bases.enterprises.publication import publish_from_lake
from tests.web.lake_fixture import AS_OF, FIRST, KNOWN_AT, SECOND, build_lake

pytestmark = [pytest.mark.faults, pytest.mark.django_db(transaction=True)]

#: Brings the first enterprise over, writes the second, and is killed before it stands.
PUBLISH_AND_DIE = """
import datetime as dt, os, signal, sys
import django
django.setup()
from django.db import connection
root, connection.settings_dict["NAME"], as_of, known_at = sys.argv[1:]
from rongqiao.bases.enterprises import publication
from rongqiao.bases.enterprises.models import Portrait
from rongqiao.lake.tables import Lake

bring_over = publication._bring_over

def killed_after(taken, run):
    bring_over(taken, run)
    if Portrait.unscoped.count() == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return 1

publication._bring_over = killed_after
publication.publish_from_lake(lake=Lake(root), as_of=int(as_of), known_at=dt.date.fromisoformat(known_at), span=1)
"""


def test_killed_in_the_midst_of_a_span(tmp_path):
    lake = build_lake(tmp_path)
    told = [str(lake.root), connection.settings_dict["NAME"], str(AS_OF), KNOWN_AT.isoformat()]
    done = subprocess.run([sys.executable, "-c", PUBLISH_AND_DIE, *told], check=False)
    assert done.returncode == -signal.SIGKILL
    assert list(Portrait.unscoped.values_list("pk", flat=True)) == [FIRST]
    assert list(Enterprise.objects.values_list("pk", flat=True)) == [FIRST]
    # The lock went with the process; only what is left is brought over.
    published = publish_from_lake(lake=lake, as_of=AS_OF, known_at=KNOWN_AT, span=1)
    assert (published.enterprises, published.portraits) == (2, 2)
    assert list(Portrait.unscoped.order_by("pk").values_list("pk", flat=True)) == [FIRST, SECOND]
    assert Publication.objects.get().finished_at is not None
