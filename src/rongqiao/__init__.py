"""Rongqiao 融桥: finds money for enterprises, customers for banks, and gives government a true picture."""
