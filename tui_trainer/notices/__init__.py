"""What is told at an end to somebody who looks elsewhere: the terminal's notice, and a command."""
