"""Bytes of a delivery on disk while they arrive: appended, made durable, and taken stock of after a break."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING, Protocol

from rongqiao.kernel.errors import InvalidValueError, StorageError

if TYPE_CHECKING:
    from pathlib import Path

PORTION = 1 << 20
_REMEDY = "平台存储空间不足或暂不可用，已收到的部分保留；请稍后从断点续传，仍不行请联系平台运营人员。"


class Readable(Protocol):
    """Where bytes come from: a file, or a request's body."""

    def read(self, size: int, /) -> bytes:
        """Return at most so many bytes; none at the end."""


def append(path: Path, stream: Readable, *, known: int, most: int) -> int:
    """Append what a connection gives until it ends or breaks; bytes beyond those known are cut off first.

    Parameters
    ----------
    known : int
        Bytes that were received before.
    most : int
        Size of the whole file.

    Returns
    -------
    int
        Size of the file, all of it safe from a power cut.

    Raises
    ------
    InvalidValueError
        If more comes than the whole file has.
    StorageError
        If the disk does not take it; nothing of the portion counts then.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        with path.open("r+b") as file:
            file.truncate(known)
            file.seek(known)
            while portion := _read(stream):
                if file.tell() + len(portion) > most:
                    raise InvalidValueError("文件大小", most, "收到的字节多于申报的大小，请重新上传。")
                file.write(portion)
            file.flush()
            os.fsync(file.fileno())
            return file.tell()
    except OSError as error:
        raise StorageError("报送文件", error.strerror, _REMEDY) from error


def _read(stream: Readable) -> bytes:
    """Read on; a connection that breaks ends the portion, not the delivery: the next one goes on from what arrived."""
    try:
        return stream.read(PORTION)
    except OSError:
        return b""


def take_stock(path: Path, stored: Path, *, known: int, size: int, begun_at: float) -> int:
    """Count the bytes that are really there, of those that were received before; what is not there must be sent again.

    Parameters
    ----------
    path, stored : Path
        Where the file grows, and where it is put when it is whole. A process that died after that and before it could note it left
        the file there: it is taken back.
    known : int
        Bytes that were received as far as is noted.
    size : int
        Size of the whole file.
    begun_at : float
        When the delivery was opened; another file of the same name is older.
    """
    try:
        if _size(path) < known and _size(stored) == size and stored.stat().st_mtime >= begun_at:
            stored.replace(path)
        return min(known, _size(path))
    except OSError as error:
        raise StorageError("报送文件", error.strerror, _REMEDY) from error


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def put_away(path: Path, stored: Path, *, announced: str) -> str:
    """Digest a whole file and put it where it waits; returns its SM3 digest.

    Raises
    ------
    InvalidValueError
        If its sender announced another digest, empty where none; it stays where it is.
    StorageError
        If it cannot be read or moved.
    """
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, lambda: hashlib.new("sm3")).hexdigest()
        if announced not in ("", digest):
            raise InvalidValueError(
                "文件摘要",
                digest,
                f"收到的内容与申报的 SM3 摘要 {announced} 不符，请放弃这次上传后重新上传。",
            )
        stored.parent.mkdir(parents=True, exist_ok=True)
        path.replace(stored)
    except OSError as error:
        raise StorageError("报送文件", error.strerror, _REMEDY) from error
    return digest
