"""Messages between two processes that do not trust each other: plain values only."""
