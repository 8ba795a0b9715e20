"""`python -m jupyterhub_monitoring` is `jupyterhub-monitoring`."""

import sys

from .cli import main

if __name__ == "__main__":
    sys.exit(main())
