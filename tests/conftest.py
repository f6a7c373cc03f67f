"""What holds for every test: no window is opened, the precision is the default."""

import os

os.environ["MPLBACKEND"] = "Agg"
os.environ.pop("THEANETS_FLOATX", None)
