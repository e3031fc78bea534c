"""Reporting: runs -> one self-contained page; knows no keras."""
