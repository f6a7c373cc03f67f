"""The examples are scripts, which `test_examples.py` runs."""

collect_ignore_glob = ["examples/*"]
