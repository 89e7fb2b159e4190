"""The tables of a run: their columns, and what is derived from other tables."""

import pandas as pd  # noqa: F401 - imported so that its version can be checked

from jobsim.domain.versions import require_versions

# All code that makes tables imports this package, so an older pandas is reported before it makes
# a table that looks like a bug.
require_versions()
