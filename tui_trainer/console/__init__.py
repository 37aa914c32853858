"""The renderers outside the app: progress on stderr, the result on stdout."""
