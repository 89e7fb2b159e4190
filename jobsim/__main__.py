"""``python -m jobsim``: the command line."""

import sys

from jobsim.command.main import console

sys.exit(console())
