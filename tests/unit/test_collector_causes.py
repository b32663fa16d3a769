"""Errors of database drivers in words that people can act on."""

from __future__ import annotations

import psycopg
import pymysql
import pytest

from rongqiao.governance.collectors.causes import OTHER, cause_of


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (psycopg.errors.UndefinedTable('relation "grades" does not exist'), "来源表不存在"),
        (psycopg.errors.UndefinedColumn('column "no_such" does not exist'), "来源表里没有声明的列：no_such"),
        (psycopg.errors.QueryCanceled("canceling statement due to statement timeout"), "数据库查询超时"),
        # A server that answers in another language.
        (psycopg.errors.InsufficientPrivilege("对表 grades 权限不够"), "账号无权读取来源表"),
        (psycopg.OperationalError("connection failed: Connection refused"), "数据库拒绝连接"),
        (psycopg.OperationalError('FATAL:  role "x" does not exist'), "用户名或口令不被接受"),
        (psycopg.errors.ConnectionTimeout("connection timeout expired"), "数据库没有应答（超时）"),
        (
            pymysql.err.OperationalError(2003, "Can't connect ([Errno 111] Connection refused)"),
            "数据库拒绝连接",
        ),
        (
            pymysql.err.OperationalError(1054, "Unknown column 'g' in 'field list'"),
            "来源表里没有声明的列：g",
        ),
        (pymysql.err.InternalError(9999, "odd"), OTHER.words),
        (OSError(), OTHER.words),
    ],
)
def test_a_drivers_error_is_named(error, words):
    assert cause_of(error).words == words
