"""The exit codes, see `jobsim.command.endings`."""

OK, NOT_MET, BAD_INPUT, FAULT = range(4)
OUTPUT_CLOSED = 141
