"""`aulac evaluate`: its command, what it reads, what it shows."""
