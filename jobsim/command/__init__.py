"""The command line: one file a command, and what they share.

A command is a module with ``add_options(parser)`` and ``execute(options)``, which returns the exit
code, and a line in `jobsim.command.parser.COMMANDS`. At their top these modules import nothing
heavy: help is a matter of a tenth of a second.
"""
