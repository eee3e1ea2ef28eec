"""The command line: one short module a command; parsing here, work elsewhere."""
