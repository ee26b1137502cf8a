"""These tests need a browser: the environment browser of tox installs Playwright, and names the program.

Nothing is collected elsewhere, so that nothing has to be skipped.
"""

import os

collect_ignore_glob = [] if os.environ.get("BN_BROWSER") else ["test_*.py"]
