"""The system calls that a box is refused, as a classic BPF program: seccomp(2).

A notebook needs none of them, and most of what ever led out of a container began with
one. They fail with an errno, so that programs fall back; a call made in another
machine's calling convention, where the numbers mean something else, ends the process.
The numbers are those of Linux's asm/unistd.h.
"""

from __future__ import annotations

import errno
import platform
import struct
from functools import cache

# BPF: load a word of struct seccomp_data, compare and jump, and, return.
_LOAD, _EQUAL, _ABOVE, _SET, _AND, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x54, 0x06
_NUMBER, _ARCH = 0, 4
ALLOW, ERRNO, KILL = 0x7FFF0000, 0x00050000, 0x80000000

_ARCHES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_X32 = 0x40000000  # x86-64's second set of numbers

# name: (number on x86-64, number on aarch64); None where it has no such call.
_Table = dict[str, tuple[int | None, int | None]]

_FORBIDDEN: _Table = {
    # other processes
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "pidfd_getfd": (438, 438),
    "kcmp": (312, 272),
    # file systems and namespaces
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "open_tree_attr": (467, 467),
    "unshare": (272, 97),
    "setns": (308, 268),
    "open_by_handle_at": (304, 265),
    "name_to_handle_at": (303, 264),
    "fanotify_init": (300, 262),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "lookup_dcookie": (212, 18),
    "nfsservctl": (180, 42),
    "sysfs": (139, None),
    "ustat": (136, None),
    # the kernel itself
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "create_module": (174, None),
    "query_module": (178, None),
    "get_kernel_syms": (177, None),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "syslog": (103, 116),
    "_sysctl": (156, None),
    "uselib": (134, None),
    "modify_ldt": (154, None),
    "iopl": (172, None),
    "ioperm": (173, None),
    "migrate_pages": (256, 238),
    "move_pages": (279, 239),
    # the machine
    "reboot": (169, 142),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "acct": (163, 89),
    "vhangup": (153, 58),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "clock_adjtime": (305, 266),
    "adjtimex": (159, 171),
    "sethostname": (170, 161),
    "setdomainname": (171, 162),
    # keys belong to a user, not to a namespace
    "keyctl": (250, 219),
    "add_key": (248, 217),
    "request_key": (249, 218),
}

# "No such call", which programs are used to. io_uring passes by every filter; memory
# that the others get belongs to no process, so that nobody could count it; clone3 hides
# its flags behind a pointer, and the C library then uses clone.
_UNKNOWN: _Table = {
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "shmget": (29, 194),
    "shmat": (30, 196),
    "shmctl": (31, 195),
    "msgget": (68, 186),
    "msgsnd": (69, 189),
    "semget": (64, 190),
    "mq_open": (240, 180),
    "vmsplice": (278, 75),
    "landlock_create_ruleset": (444, 444),
    "landlock_add_rule": (445, 445),
    "landlock_restrict_self": (446, 446),
    "clone3": (435, 435),
}

_CLONE, _SOCKET, _IOCTL = (56, 220), (41, 198), (16, 29)
_PRLIMIT, _SETRLIMIT, _PERSONALITY = (302, 261), (160, 164), (135, 92)
_MMAP, _SETSOCKOPT = (9, 222), (54, 208)
_NEW_NAMESPACES = 0x7E020000
_MAP_SHARED, _MAP_ANONYMOUS, _MAP_HUGETLB = 0x01, 0x20, 0x40000
_SOL_SOCKET, _BUFFER_SIZES = (
    1,
    (7, 8, 32, 33),
)  # SO_SNDBUF, SO_RCVBUF, and by force
_AF_UNIX, _AF_INET, _AF_INET6, _AF_NETLINK, _NETLINK_ROUTE = 1, 2, 10, 16, 0
_RLIMIT_CORE = 4
_TIOCSTI, _TIOCLINUX = 0x5412, 0x541C  # type into, or paste in, a terminal


def _argument(index: int) -> int:
    """Where the low half of an argument lies; both machines are little-endian."""
    return 16 + 8 * index


class _Program:
    """Instructions one after the other; every rule ends by falling through."""

    def __init__(self) -> None:
        self.code: list[bytes] = []

    def add(self, code: int, value: int, yes: int = 0, no: int = 0) -> None:
        self.code.append(struct.pack("=HBBI", code, yes, no, value))

    def refuse(self, number: int | None, error: int) -> None:
        """Refuse one system call. The number is in the accumulator, and stays there."""
        if number is not None:
            self.add(_EQUAL, number, no=1)
            self.add(_RETURN, ERRNO | error)

    def refuse_where(
        self, number: int, tests: list[tuple[int, int, int, bool]], error: int
    ) -> None:
        """Refuse a call whose arguments pass every test in `tests`.

        A test is (argument, operation, value, wanted): the operation's outcome has to
        be `wanted`.
        """
        end = (
            2 * len(tests) + 1
        )  # instructions from the first load to the last
        self.add(_EQUAL, number, no=end + 1)
        for index, (argument, operation, value, wanted) in enumerate(tests):
            self.add(_LOAD, _argument(argument))
            away = (
                end - 2 * index - 2
            )  # from the next one to the number's reload
            yes, no = (0, away) if wanted else (away, 0)
            self.add(operation, value, yes, no)
        self.add(_RETURN, ERRNO | error)
        self.add(_LOAD, _NUMBER)

    def __bytes__(self) -> bytes:
        return b"".join(self.code)


@cache
def program(machine: str | None = None, *, loopback: bool = False) -> bytes:
    """The filter for this machine, or `machine`: 8 bytes an instruction.

    `loopback` lets Internet sockets be made, of which a box's own network has nobody
    else to reach. ipykernel binds one for what its subprocesses print, and libzmq asks
    the kernel for the names of interfaces first.

    It is what `prctl(PR_SET_SECCOMP)` takes, and bubblewrap's `--seccomp`.

    Raises:
        NotImplementedError: the machine is neither x86_64 nor aarch64.
    """
    machine = machine or platform.machine()
    if machine not in _ARCHES:
        raise NotImplementedError(
            f"No list of system calls for {machine}: a box needs x86_64 or aarch64."
        )
    column = list(_ARCHES).index(machine)
    rules = _Program()
    rules.add(_LOAD, _ARCH)
    rules.add(_EQUAL, _ARCHES[machine], yes=1)
    rules.add(_RETURN, KILL)
    rules.add(_LOAD, _NUMBER)
    if machine == "x86_64":
        rules.add(_ABOVE, _X32, no=1)
        rules.add(_RETURN, KILL)
    for table, error in (
        (_FORBIDDEN, errno.EPERM),
        (_UNKNOWN, errno.ENOSYS),
    ):
        for numbers in table.values():
            rules.refuse(numbers[column], error)
    _refuse_by_argument(rules, column)
    _refuse_sockets(rules, _SOCKET[column], loopback)
    rules.add(_RETURN, ALLOW)
    return bytes(rules)


def _refuse_by_argument(rules: _Program, column: int) -> None:
    """Calls that are refused only for some of their arguments."""
    rules.refuse_where(
        _CLONE[column], [(0, _SET, _NEW_NAMESPACES, True)], errno.EPERM
    )
    for request in (_TIOCSTI, _TIOCLINUX):
        rules.refuse_where(
            _IOCTL[column], [(1, _EQUAL, request, True)], errno.EPERM
        )
    # Shared pages that are unmapped again stay, and count for nobody; a file in the
    # box's own /dev/shm counts.
    rules.refuse_where(
        _MMAP[column],
        [(3, _SET, _MAP_SHARED, True), (3, _SET, _MAP_ANONYMOUS, True)],
        errno.EPERM,
    )
    rules.refuse_where(
        _MMAP[column], [(3, _SET, _MAP_HUGETLB, True)], errno.EPERM
    )
    # What waits in a socket is the kernel's memory: megabytes each, if one may ask.
    for option in _BUFFER_SIZES:
        rules.refuse_where(
            _SETSOCKOPT[column],
            [(1, _EQUAL, _SOL_SOCKET, True), (2, _EQUAL, option, True)],
            errno.EPERM,
        )
    # A limit of 1 keeps a crash from a host's core dump program; 0 does not: core(5).
    rules.refuse_where(
        _SETRLIMIT[column], [(0, _EQUAL, _RLIMIT_CORE, True)], errno.EPERM
    )
    rules.refuse_where(
        _PRLIMIT[column],
        [(1, _EQUAL, _RLIMIT_CORE, True), (2, _EQUAL, 0, False)],
        errno.EPERM,
    )
    rules.refuse_where(
        _PERSONALITY[column],
        [(0, _EQUAL, 0, False), (0, _EQUAL, 0xFFFFFFFF, False)],
        errno.EPERM,
    )


def _refuse_sockets(rules: _Program, number: int, loopback: bool) -> None:
    families = [_AF_UNIX]
    if loopback:
        families += [_AF_INET, _AF_INET6, _AF_NETLINK]
        rules.refuse_where(
            number,
            [
                (0, _EQUAL, _AF_NETLINK, True),
                (2, _EQUAL, _NETLINK_ROUTE, False),
            ],
            errno.EAFNOSUPPORT,
        )
    rules.refuse_where(
        number,
        [(0, _EQUAL, family, False) for family in families],
        errno.EAFNOSUPPORT,
    )
