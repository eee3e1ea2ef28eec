"""Check labelled files: report every fault that training would refuse and every likely mistake at once.

files ─► files.py: read past each fault ─► one module per family of checks ─► findings.py ─► report.py
"""
