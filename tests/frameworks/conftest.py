"""These tests need the frameworks that they verify: the environments frameworks-* of tox install them, and name their group.

Nothing is collected elsewhere, so that nothing has to be skipped.
"""

import os

collect_ignore_glob = [] if os.environ.get("BN_FRAMEWORKS") else ["test_*.py"]
