"""Dashboards and supervision for government staff."""
