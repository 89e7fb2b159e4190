"""The tables of a run: their columns, and what is derived from other tables."""

import pandas as pd  # noqa: F401 - loaded, so that its version can be asked

from jobsim.domain.versions import require_versions

# Whatever deals in tables imports its columns from here, so that an older pandas is told of
# before it makes a table that looks like somebody's fault.
require_versions()
