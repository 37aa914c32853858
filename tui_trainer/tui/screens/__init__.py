"""The screens: the cockpit, and what opens over it."""
