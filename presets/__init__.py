"""The built-in presets: one TOML file a category, one table a preset."""
