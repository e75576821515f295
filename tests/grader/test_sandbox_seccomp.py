"""The filter, run by an interpreter of classic BPF of its own, for both machines."""

from __future__ import annotations

import errno
import re
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aulac_grader.sandbox import seccomp

ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
MACHINES = list(ARCH)


def run(program: bytes, number: int, arch: int, *arguments: int) -> int:
    """What the kernel would answer: seccomp(2), struct seccomp_data."""
    words = [*arguments, 0, 0, 0, 0, 0, 0][:6]
    data = struct.pack("=iIQ6Q", number, arch, 0, *words)
    code = list(struct.iter_unpack("=HBBI", program))
    at, value = 0, 0
    while True:
        operation, yes, no, constant = code[at]
        at += 1
        if operation == 0x20:
            (value,) = struct.unpack_from("=I", data, constant)
        elif operation == 0x15:
            at += yes if value == constant else no
        elif operation == 0x35:
            at += yes if value >= constant else no
        elif operation == 0x45:
            at += yes if value & constant else no
        elif operation == 0x06:
            return constant
        else:
            raise AssertionError(hex(operation))


def answer(
    machine: str, number: int, *arguments: int, loopback: bool = False
) -> int:
    program = seccomp.program(machine, loopback=loopback)
    return run(program, number, ARCH[machine], *arguments)


def refused(error: int) -> int:
    return seccomp.ERRNO | error


@pytest.mark.parametrize("machine", MACHINES)
def test_each_table_is_refused_with_its_error(machine: str) -> None:
    column = MACHINES.index(machine)
    for table, error in (
        (seccomp._FORBIDDEN, errno.EPERM),
        (seccomp._UNKNOWN, errno.ENOSYS),
    ):
        for name, numbers in table.items():
            number = numbers[column]
            if number is not None:
                assert answer(machine, number) == refused(error), name


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("loopback", [False, True])
def test_the_program_is_one_the_kernel_takes(
    machine: str, loopback: bool
) -> None:
    program = seccomp.program(machine, loopback=loopback)
    code = list(struct.iter_unpack("=HBBI", program))
    assert len(code) < 4096
    assert code[-1][0] == 0x06
    for at, (operation, yes, no, _) in enumerate(code):
        if operation in (0x15, 0x35, 0x45):
            assert at + 1 + max(yes, no) < len(code)


@given(
    machine=st.sampled_from(MACHINES),
    number=st.integers(0, 600),
    arguments=st.lists(st.integers(0, 2**64 - 1), min_size=6, max_size=6),
)
def test_other_calls_are_let_through(
    machine: str, number: int, arguments: list[int]
) -> None:
    column = MACHINES.index(machine)
    listed = {
        numbers[column]
        for table in (seccomp._FORBIDDEN, seccomp._UNKNOWN)
        for numbers in table.values()
    }
    by_argument = {
        numbers[column]
        for numbers in (
            seccomp._CLONE,
            seccomp._SOCKET,
            seccomp._IOCTL,
            seccomp._MMAP,
            seccomp._SETSOCKOPT,
            seccomp._PRLIMIT,
            seccomp._SETRLIMIT,
            seccomp._PERSONALITY,
        )
    }
    allowed = answer(machine, number, *arguments) == seccomp.ALLOW
    if number not in by_argument:
        assert allowed == (number not in listed)


@given(arch=st.integers(0, 2**32 - 1), number=st.integers(0, 2**31 - 1))
def test_a_foreign_convention_is_ended(arch: int, number: int) -> None:
    for machine in MACHINES:
        if arch != ARCH[machine]:
            program = seccomp.program(machine)
            assert run(program, number, arch) == seccomp.KILL


@given(number=st.integers(0x40000000, 2**31 - 1))
def test_x32_is_ended(number: int) -> None:
    assert answer("x86_64", number) == seccomp.KILL


@given(machine=st.sampled_from(MACHINES), flags=st.integers(0, 2**64 - 1))
def test_clone_is_refused_exactly_with_a_new_namespace(
    machine: str, flags: int
) -> None:
    number = seccomp._CLONE[MACHINES.index(machine)]
    new = flags & 0x7E020000
    got = answer(machine, number, flags)
    assert got == (refused(errno.EPERM) if new else seccomp.ALLOW)


@given(
    machine=st.sampled_from(MACHINES),
    family=st.integers(0, 60),
    protocol=st.integers(0, 20),
    loopback=st.booleans(),
)
def test_socket_families(
    machine: str, family: int, protocol: int, loopback: bool
) -> None:
    number = seccomp._SOCKET[MACHINES.index(machine)]
    got = answer(machine, number, family, 1, protocol, loopback=loopback)
    allowed = family == 1 or (
        loopback and (family in (2, 10) or (family, protocol) == (16, 0))
    )
    assert got == (seccomp.ALLOW if allowed else refused(errno.EAFNOSUPPORT))


@given(
    machine=st.sampled_from(MACHINES),
    high=st.integers(0, 2**32 - 1),
    request=st.sampled_from([0x5401, 0x5412, 0x5413, 0x541C]),
)
def test_ioctl_sees_through_high_bits(
    machine: str, high: int, request: int
) -> None:
    number = seccomp._IOCTL[MACHINES.index(machine)]
    got = answer(machine, number, 0, high << 32 | request)
    wanted = request in (0x5412, 0x541C)
    assert (got == refused(errno.EPERM)) == wanted


@given(machine=st.sampled_from(MACHINES), flags=st.integers(0, 2**32 - 1))
def test_pages_that_nobody_owns_are_refused(machine: str, flags: int) -> None:
    number = seccomp._MMAP[MACHINES.index(machine)]
    shared, anonymous, huge = flags & 1, flags & 0x20, flags & 0x40000
    got = answer(machine, number, 0, 4096, 3, flags)
    wanted = (shared and anonymous) or huge
    assert got == (refused(errno.EPERM) if wanted else seccomp.ALLOW)


@given(
    machine=st.sampled_from(MACHINES),
    level=st.integers(0, 3),
    option=st.integers(0, 40),
)
def test_sockets_keep_their_buffers(
    machine: str, level: int, option: int
) -> None:
    number = seccomp._SETSOCKOPT[MACHINES.index(machine)]
    got = answer(machine, number, 3, level, option)
    wanted = level == 1 and option in (7, 8, 32, 33)
    assert got == (refused(errno.EPERM) if wanted else seccomp.ALLOW)


@pytest.mark.parametrize("machine", MACHINES)
def test_core_limits_may_be_read_and_not_set(machine: str) -> None:
    column = MACHINES.index(machine)
    core, data = 4, 2
    prlimit, setrlimit = seccomp._PRLIMIT[column], seccomp._SETRLIMIT[column]
    assert answer(machine, prlimit, 0, core, 0, 5) == seccomp.ALLOW
    assert answer(machine, prlimit, 0, core, 5, 0) == refused(errno.EPERM)
    assert answer(machine, prlimit, 0, data, 5, 0) == seccomp.ALLOW
    assert answer(machine, setrlimit, core, 5) == refused(errno.EPERM)
    assert answer(machine, setrlimit, data, 5) == seccomp.ALLOW


HEADERS = {
    "x86_64": Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"),
    "aarch64": Path("/usr/include/asm-generic/unistd.h"),
}


@pytest.mark.parametrize("machine", MACHINES)
def test_the_numbers_are_those_of_the_kernels_headers(machine: str) -> None:
    if not HEADERS[machine].exists():
        pytest.skip(f"{HEADERS[machine]} is not installed")
    found = {
        name: int(number)
        for name, number in re.findall(
            r"#define __NR_(\w+) (\d+)$", HEADERS[machine].read_text(), re.M
        )
    }
    column, compared = MACHINES.index(machine), 0
    for table in (seccomp._FORBIDDEN, seccomp._UNKNOWN):
        for name, numbers in table.items():
            if name in found:
                assert numbers[column] == found[name], name
                compared += 1
    assert compared > 50


def test_a_machine_without_a_list_is_refused() -> None:
    with pytest.raises(NotImplementedError, match="riscv64"):
        seccomp.program("riscv64")
