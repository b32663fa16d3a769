"""Tamper-evident log: Merkle tree, signed heads, proofs."""
