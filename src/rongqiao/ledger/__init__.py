"""Tamper-evident log: Merkle tree, signed heads, proofs.

What others use: ``rongqiao.ledger.log.Ledger``, ``rongqiao.ledger.entries`` (`Kind`, `Draft`, `digest_payload`,
`digest_bytes`, `digest_file`) and ``rongqiao.ledger.signing`` (`Signer`, `SoftwareSigner`).
"""
