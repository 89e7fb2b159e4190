"""``python -m jobsim``: the command line."""

import sys

from jobsim.command.main import main

sys.exit(main())
