"""One module a command: its arguments, and the calls into the packages that do the work."""
