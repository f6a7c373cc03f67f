"""What holds for every test: no window is opened, the precision is the default."""

import os

from hypothesis import settings

os.environ["MPLBACKEND"] = "Agg"
os.environ.pop("THEANETS_FLOATX", None)

settings.register_profile("ci", max_examples=100, derandomize=True, deadline=None)
settings.register_profile("nightly", max_examples=2000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))
