"""Pseudonymise files: find names and identifiers, replace them the same way everywhere, and restore them."""
