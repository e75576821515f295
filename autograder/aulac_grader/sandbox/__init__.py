"""Walls round a process that runs code nobody vouches for. Knows nothing of marks.

limits.py       what one box may use
walls.py        the one list of walls
linux.py        the Linux calls that Python has no function for
seccomp.py      the system calls that are refused, as a BPF program
fork.py         in: a child forked from a warm parent walls itself in
bubblewrap.py   in: a program started cold under bubblewrap
watchdog.py     limits that the kernel does not hold, and the end of a whole tree
selfcheck.py    which walls hold on this machine, tried from inside
provisioner.py  any Jupyter kernel, started behind the walls
command.py      `aulac sandbox check | run`
"""
