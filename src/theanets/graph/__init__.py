"""From what a user wrote to pure functions: specs, topology, objective."""

from typing import TYPE_CHECKING, Any

from theanets.utils.renamed import missing

if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        missing(__name__, name)
