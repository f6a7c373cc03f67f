"""Starts the benchmark run: `python -m benchmarks --help` lists the options."""

import sys

from benchmarks.run import main

sys.exit(main())
