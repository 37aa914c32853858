"""Data that people bring: files read into columns of numbers. Needs no torch."""
