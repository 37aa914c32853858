"""What can be set: settings and their validation, presets and the files they are in."""
