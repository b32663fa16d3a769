"""Roles people hold in their organisation."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """What a person may do; the organisation's kind bounds which roles exist in it."""

    ENTERPRISE_OWNER = "enterprise_owner"
    ENTERPRISE_CLERK = "enterprise_clerk"
    BANK_OFFICER = "bank_officer"
    BANK_RISK = "bank_risk"
    GOVERNMENT_OFFICIAL = "government_official"
    DEPARTMENT_CLERK = "department_clerk"
    OPERATOR = "operator"


ROLE_TITLES = {
    Role.ENTERPRISE_OWNER: "企业负责人",
    Role.ENTERPRISE_CLERK: "企业经办人",
    Role.BANK_OFFICER: "客户经理",
    Role.BANK_RISK: "风险经理",
    Role.GOVERNMENT_OFFICIAL: "政府工作人员",
    Role.DEPARTMENT_CLERK: "部门数据专员",
    Role.OPERATOR: "平台运营人员",
}

ROLES_OF_KIND = {
    "enterprise": {Role.ENTERPRISE_OWNER, Role.ENTERPRISE_CLERK},
    "institution": {Role.BANK_OFFICER, Role.BANK_RISK},
    "government": {Role.GOVERNMENT_OFFICIAL},
    "department": {Role.DEPARTMENT_CLERK},
    "operator": {Role.OPERATOR},
}
