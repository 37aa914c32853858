"""Settings and their validation, presets and their files."""
