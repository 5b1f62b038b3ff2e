"""The seasons of the air: what the features need, and the tests of it."""

from __future__ import annotations

# Leaves come and go: carbon dioxide is at its highest in May.
HIGHEST = 136
