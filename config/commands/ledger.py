"""``rongqiao ledger``: verify, seal, head, prove, check-proof, check-growth."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rongqiao.kernel.errors import InvalidValueError
from rongqiao.kernel.home import var
from rongqiao.ledger.heads import SignedHead
from rongqiao.ledger.log import Ledger
from rongqiao.ledger.proofs import InclusionProof
from rongqiao.ledger.signing import PUBLIC_FILE, Signer, find_signer

if TYPE_CHECKING:
    from rongqiao.ledger.verification import Verification

app = typer.Typer(add_completion=False, no_args_is_help=True, help="防篡改账本：校验、签名、证明")

PublicKey = Annotated[
    Path | None,
    typer.Option("--public-key", help="可信公钥（PEM）；默认用账本旁的公钥"),
]
Witness = Annotated[Path | None, typer.Option("--witness", help="另行保存的签名树头，即 seal 的输出")]


def ledger_path() -> Path:
    """Folder of the installation's ledger."""
    return var() / "ledger"


def load_signer() -> Signer:
    """Signer of the installation: a cipher module's driver, else the software key beside the ledger."""
    return find_signer(ledger_path())


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise InvalidValueError("file", str(path), "Give a readable text file.") from None


def _trusted_keys(public_key: Path | None) -> list[str]:
    path = public_key or ledger_path() / PUBLIC_FILE
    if public_key is None and not path.exists():
        return []
    return [_read_text(path)]


def _read_head(path: Path) -> SignedHead:
    try:
        parts = json.loads(_read_text(path))
        head = SignedHead(**parts)
    except (ValueError, TypeError):
        raise InvalidValueError(
            "signed head", str(path), "Give the output of `rongqiao ledger seal`."
        ) from None
    return SignedHead.from_bytes(head.to_bytes())


def _as_json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)


@app.command(help="从原始条目全部重算；不通过则指出哪一条并以 1 退出")
def verify(
    public_key: PublicKey = None,
    witness: Witness = None,
    as_json: Annotated[bool, typer.Option("--json", help="以 JSON 输出")] = False,
) -> None:
    """Recompute everything from the raw entries; exit 1 and name what does not hold."""
    ledger = Ledger(ledger_path())
    kept = _read_head(witness) if witness else None
    outcome = ledger.verify(*_trusted_keys(public_key), witness=kept)
    if as_json:
        typer.echo(_as_json(asdict(outcome) | {"is_sound": outcome.is_sound, "unsealed": outcome.unsealed}))
    else:
        typer.echo(_describe(outcome, has_witness=kept is not None))
    if not outcome.is_sound:
        raise typer.Exit(1)


def _describe(outcome: Verification, *, has_witness: bool) -> str:
    lines = [
        f"条目 {outcome.size}，其中已封存 {outcome.sealed_size}，未封存 {outcome.unsealed}；有效签名树头 {len(outcome.heads)} 个",
        f"根 {outcome.root}",
        *(f"✗ {problem.text}" for problem in outcome.problems),
    ]
    lines.append("校验通过" if outcome.is_sound else f"校验不通过：{len(outcome.problems)} 处问题")
    if outcome.is_sound and outcome.unsealed:
        lines.append("注意：未封存的条目尚无签名为证，请运行 rongqiao ledger seal")
    if outcome.is_sound and not has_witness:
        lines.append("注意：未提供另存的树头（--witness），整体截短到较早的封存点无法发现")
    return "\n".join(lines)


@app.command(help="给当前树头签名并输出；输出请另行保存")
def seal(
    at: Annotated[str | None, typer.Option(help="签名时刻，带时区的 ISO 8601；默认为现在")] = None,
) -> None:
    """Sign the present head and print it; keep the output elsewhere as a witness."""
    instant = at or dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
    typer.echo(_as_json(asdict(Ledger(ledger_path()).seal(load_signer(), instant))))


@app.command(help="显示当前规模、根与最近一次签名")
def head() -> None:
    """Print the present size and root, and the last signed head."""
    ledger = Ledger(ledger_path())
    signed = ledger.signed_heads()
    last = asdict(signed[-1]) if signed else None
    typer.echo(_as_json(asdict(ledger.head()) | {"signed": last}))


@app.command(help="输出某一条目在账本中的证明")
def prove(
    index: Annotated[int, typer.Argument(help="条目序号，从 0 数起")],
    size: Annotated[int | None, typer.Option(help="账本规模；默认为覆盖该条的最近一次签名")] = None,
) -> None:
    """Print a proof that an entry is in the ledger."""
    typer.echo(Ledger(ledger_path()).prove(index, size).to_json())


@app.command("check-proof", help="不读账本即核验证明；不成立则以 1 退出")
def check_proof(
    file: Annotated[Path, typer.Argument(help="prove 的输出")],
    public_key: PublicKey = None,
) -> None:
    """Check a proof without reading the ledger; exit 1 and say what does not hold."""
    proof = InclusionProof.from_json(_read_text(file))
    problems = proof.problems(*_trusted_keys(public_key))
    for problem in problems:
        typer.echo(f"✗ {problem}")
    if problems:
        raise typer.Exit(1)
    entry = proof.entry
    typer.echo(f"证明成立：第 {entry.index} 条（{entry.kind}，{entry.subject}）在规模 {proof.size} 的账本中")
    typer.echo(f"摘要 {entry.digest}")


@app.command("check-growth", help="核验账本自某个签名树头以来只增未改；否则以 1 退出")
def check_growth(witness: Annotated[Path, typer.Argument(help="另行保存的签名树头")]) -> None:
    """Check by a consistency proof that the ledger only grew since a head was signed; exit 1 if not."""
    ledger = Ledger(ledger_path())
    old = _read_head(witness)
    now = ledger.head()
    if old.size > now.size or not ledger.prove_consistency(old.size, now.size).holds(old.root, now.root):
        typer.echo(f"✗ 现有 {now.size} 条的账本不是 {old.size} 条时的延续")
        raise typer.Exit(1)
    typer.echo(f"账本由 {old.size} 条增至 {now.size} 条，此前内容未变")
