"""`Monitor` as a callback of others' trainers; each module needs its library."""
