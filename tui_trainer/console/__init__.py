"""The renderers without a terminal: progress on stderr, the result on stdout."""
