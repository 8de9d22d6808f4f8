"""What a person runs: one-line executables beside this file; what they take and say is in `bin.commands`."""
