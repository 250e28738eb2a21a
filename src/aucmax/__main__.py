"""``python -m aucmax`` is ``aucmax``."""

import sys

from .cli import main

sys.exit(main())
