"""Check labelled files: every fault that training would refuse, and what looks like a mistake, in one go.

files ─► files.py: read past each fault ─► one module per family of checks ─► findings.py ─► report.py
"""
