"""Jobs of the composition root for new sources: profile what departments offer, and bring in what was approved."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone
from procrastinate.contrib.django import app

from config.attempts import PASSING, RETRY, UploadTries, attempt
from rongqiao.accounts.models import Organisation
from rongqiao.accounts.scope import scope_of, system_scope
from rongqiao.bases.enterprises.intake import selectors as intake_selectors
from rongqiao.bases.enterprises.intake import services as intake
from rongqiao.bases.enterprises.inventory import selectors, services
from rongqiao.bases.enterprises.inventory.models import SourceTable
from rongqiao.contracts import drafts
from rongqiao.contracts.standards import load_contract, load_contracts
from rongqiao.governance import discovery
from rongqiao.governance.discovery.profiling import missing_and_new
from rongqiao.governance.discovery.sheets import open_sheets
from rongqiao.governance.sources import limits_on
from rongqiao.kernel.errors import ContractError

if TYPE_CHECKING:
    from rongqiao.bases.enterprises.intake.models import Upload
    from rongqiao.contracts.model import Contract
    from rongqiao.governance.discovery.profiles import SourceProfile


@app.task(name=intake.PROFILE_JOB, queueing_lock=intake.PROFILE_JOB, lock=intake.PROFILE_JOB, retry=RETRY)
def profile_sources() -> int:
    """Profile every file that is offered, guess a contract for each of its tables; returns the number of files."""
    with system_scope() as scope:
        waiting = intake_selectors.waiting_sources(scope)
    troubles: list[Exception] = []
    for upload in waiting:
        try:
            tables = attempt(UploadTries(upload), partial(_examine, upload))
        except PASSING as trouble:
            troubles.append(trouble)
            continue
        if tables is not None:
            with system_scope():
                services.record_profiles(upload=upload, tables=tables, now=timezone.now())
    if troubles:
        raise troubles[0]
    return len(waiting)


def _examine(upload: Upload) -> list[SourceTable]:
    return [_draw_up(upload, profile) for profile in _profile(upload)]


def _profile(upload: Upload) -> list[SourceProfile]:
    """Profile sheet by sheet and tell how far it is; sheets that hold nothing are passed over."""
    sheets = open_sheets(intake.stored_path(upload), limits_on(upload.delivered_on))
    profiles = []
    for done, sheet in enumerate(sheets):
        with system_scope():
            services.record_examining(upload=upload, sheet=sheet.name, done=done, total=len(sheets))
        profiles.append(discovery.profile_sheet(sheet, upload.file_name))
    found = [one for one in profiles if one.columns and one.rows]
    if not found:
        raise ContractError("来源文件", upload.file_name, "里面没有表头和数据行，请核对后重新导出。")
    return found


def _draw_up(upload: Upload, profile: SourceProfile) -> SourceTable:
    """Compare with the table's earlier profile, and draw up its contract."""
    headers = [column.header for column in profile.columns]
    with system_scope() as scope:
        earlier = selectors.find_earlier(scope, upload.department, headers, before=upload)
    document = discovery.guess(
        profile, upload.department, department_title=_title_of(upload), seen_on=upload.data_on
    )
    missing: list[str] = []
    fresh: list[str] = []
    if earlier is not None:
        discovery.compare(profile, earlier.profile)
        missing, fresh = missing_and_new(profile, earlier.profile)
    found = {**profile.to_dict(), "missing_columns": missing, "new_columns": fresh}
    return SourceTable(
        sheet=profile.sheet[:120],
        title=str(document["name"])[:120],
        rows=profile.rows,
        profile=found,
        document=document,
        guessed=document,
        compared_with=earlier,
        known_contract=selectors.known_contract_of(earlier),
    )


def _title_of(upload: Upload) -> str:
    """Chinese name of the department: as its contracts say, else as its organisation is called."""
    titles = [
        each.department_title for each in load_contracts().values() if each.department == upload.department
    ]
    if titles:
        return titles[0]
    found = Organisation.objects.filter(kind="department", department_code=upload.department).first()
    return found.name if found else ""


@dataclass(slots=True, kw_only=True)
class TableTries(UploadTries):
    """Tries to bring in a table of a file; the file counts them, the table says that they failed."""

    table: SourceTable

    def fail(self, problem: str) -> None:
        """Record the failure on the table."""
        with system_scope():
            services.record_failure(table=self.table, problem=problem)
        self.end()


@app.task(name=services.BRING_JOB, queueing_lock=services.BRING_JOB, lock=services.BRING_JOB, retry=RETRY)
def bring_sources() -> int:
    """Put every approved contract in force and hand its table to governance as a delivery; returns the number of tables."""
    with system_scope() as scope:
        waiting = selectors.approved_tables(scope)
    troubles: list[Exception] = []
    for table in waiting:
        try:
            attempt(TableTries(table.upload, table=table), partial(_bring, table))
        except PASSING as trouble:
            troubles.append(trouble)
            continue
        with system_scope():
            services.forget_file(upload=table.upload)
    if troubles:
        raise troubles[0]
    return len(waiting)


def _bring(table: SourceTable) -> None:
    contract = _put_in_force(table)
    upload = table.upload
    with tempfile.TemporaryDirectory() as name:
        brought = discovery.bring_in(
            intake.stored_path(upload),
            contract,
            Path(name),
            delivered_on=upload.data_on,
            sheet=table.sheet,
        )
        scope = scope_of(table.submitted_by)
        # The delivery and the note of it stand or fall together: a run that was killed begins this table again.
        with system_scope(), transaction.atomic(), brought.path.open("rb") as file:
            delivery = intake.open_upload(
                scope=scope,
                contract_id=contract.id,
                file_name=brought.path.name,
                size_bytes=brought.path.stat().st_size,
                data_on=upload.data_on,
                today=timezone.localdate(),
                is_regular=True,
                origin="inventory",
            )
            delivery = intake.receive_portion(
                scope=scope, upload_id=delivery.pk, offset=0, stream=file, now=timezone.now()
            )
            services.record_delivery(table=table, delivery=delivery)


def _put_in_force(table: SourceTable) -> Contract:
    """Write the contract into this installation's overlay; one that stands there already is left as it is."""
    if table.contract_id not in load_contracts():
        drafts.write(table.document, is_finished=True)
    return load_contract(table.contract_id)
