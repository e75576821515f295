"""Attacks on what lies outside the box: files, processes, the network, privileges.

Each is a scratch cell in an otherwise honest submission, which must keep every point.
A cell that gets out prints ESCAPED, or leaves a trace that `host.py` watches for: a
file in @OUTSIDE@, a process that carries @MARK@, a connection to @PORT@, a death of
the process @BYSTANDER@.
"""

from __future__ import annotations

from .kit import GUARD, Case

FILES = {
    "writes-outside": "put('@OUTSIDE@/escaped')",
    "overwrites-outside": "put('@OUTSIDE@/canary.txt')",
    "writes-home": "put('~/.bashrc', '~/.ssh/authorized_keys', '/root/.profile')",
    "writes-cron": "put('/etc/cron.d/x', '/var/spool/cron/crontabs/root')",
    "writes-tmp-of-the-host": "put('@TMP@/escaped-@MARK@')",
    "writes-site-packages": (
        "import numpy, site, sysconfig\n"
        "put(sysconfig.get_path('purelib') + '/@MARK@.pth', numpy.__file__,\n"
        "    sysconfig.get_path('purelib') + '/usercustomize.py')"
    ),
    "writes-the-library": (
        "import aulac\nput(aulac.__file__, aulac.__path__[0] + '/@MARK@.py')"
    ),
    "writes-the-interpreter": (
        "import sys\nput(sys.executable, sys.prefix + '/pyvenv.cfg',\n"
        "    sys.base_prefix + '/lib/@MARK@')"
    ),
    "writes-bytecode": (
        "import json, os\n"
        "put(os.path.dirname(json.__file__) + '/__pycache__/json.@MARK@.pyc',\n"
        "    json.__cached__)"
    ),
    "writes-the-course": (
        "put('@COURSE@/source/escaped', '@COURSE@/gradebook.db',\n"
        "    '@COURSE@/grading/escaped', '../../../escaped-@MARK@')"
    ),
    "writes-the-kernel": (
        "put('/proc/sys/kernel/core_pattern', '/proc/sys/kernel/modprobe',\n"
        "    '/sys/kernel/uevent_helper', '/proc/sysrq-trigger', '/proc/1/oom_adj')"
    ),
    "writes-preload": "put('/etc/ld.so.preload', '/etc/environment', '/lib/@MARK@.so')",
    "writes-devices": "put('/dev/mem', '/dev/kmem', '/dev/sda', '/dev/vda', '/dev/tty1')",
    "makes-devices": (
        "for n, (a, b) in enumerate([(1, 1), (8, 0), (254, 0)]):\n"
        "    gone(lambda: os.mknod(f'/tmp/d{n}', 0o60666, os.makedev(a, b)) or\n"
        "         open(f'/tmp/d{n}', 'rb').read(1))"
    ),
    "links-outside": (
        "gone(lambda: os.link('@OUTSIDE@/canary.txt', 'linked') or\n"
        "     open('linked').read())\n"
        "os.symlink('@OUTSIDE@/canary.txt', 'soft')\n"
        "gone(lambda: open('soft').read())"
    ),
    "climbs": (
        "up = os.open('/', os.O_RDONLY)\n"
        "for _ in range(30):\n"
        "    down, up = up, os.open('..', os.O_RDONLY, dir_fd=up)\n"
        "    os.close(down)\n"
        "gone(lambda: os.open('@OUTSIDE@'[1:], os.O_RDONLY, dir_fd=up))"
    ),
    "opens-descriptors-upward": (
        "for fd in range(3, 64):\n"
        "    for name in ('..', '../..', '@OUTSIDE@', 'canary.txt'):\n"
        "        try:\n"
        "            os.close(os.open('@OUTSIDE@'[1:], os.O_RDONLY, dir_fd=fd))\n"
        "            if os.close(os.open(name, os.O_RDONLY, dir_fd=fd)) is None:\n"
        "                print('ESCAPED', fd)\n"
        "        except OSError:\n            pass"
    ),
    "by-magic-links": (
        "for pid in (1, os.getppid()):\n"
        "    gone(lambda: open(f'/proc/{pid}/root@OUTSIDE@/canary.txt').read())\n"
        "    gone(lambda: os.chroot(f'/proc/{pid}/root') or\n"
        "         open('@OUTSIDE@/canary.txt').read())"
    ),
}
PROCESSES = {
    "daemon": (
        "if os.fork() == 0:\n"
        "    os.setsid()\n"
        "    if os.fork() == 0:\n"
        "        os.execv(sys.executable, [sys.executable, '-c',\n"
        "            'import time; time.sleep(600)', '@MARK@'])\n"
        "    os._exit(0)"
    ),
    "daemon-with-nohup": (
        "import subprocess\n"
        "subprocess.Popen(['/usr/bin/nohup', '/usr/bin/setsid', sys.executable,\n"
        "    '-c', 'import time; time.sleep(600)', '@MARK@'],\n"
        "    start_new_session=True, close_fds=False)"
    ),
    "daemon-that-ignores-signals": (
        "import signal\n"
        "if os.fork() == 0:\n"
        "    for number in range(1, 65):\n"
        "        try:\n            signal.signal(number, signal.SIG_IGN)\n"
        "        except (OSError, ValueError):\n            pass\n"
        "    os.execv(sys.executable, [sys.executable, '-c',\n"
        "        'import time; time.sleep(600)', '@MARK@'])"
    ),
    "daemon-that-respawns": (
        "if os.fork() == 0:\n"
        "    os.setsid()\n"
        "    import time\n"
        "    for _ in range(30):\n"
        "        if os.fork():\n            os._exit(0)\n"
        "        time.sleep(0.05)\n"
        "    os.execv(sys.executable, [sys.executable, '-c',\n"
        "        'import time; time.sleep(600)', '@MARK@'])"
    ),
    "kills-all": (
        "import signal\nsignal.signal(15, signal.SIG_IGN)\n"
        "for number in (15, 2, 1, 9):\n    os.kill(-1, number)"
    ),
    "kills-the-bystander": (
        "gone(lambda: os.kill(@BYSTANDER@, 9))\n"
        "gone(lambda: os.pidfd_open(@BYSTANDER@))"
    ),
    "kills-every-number": (
        "for pid in range(2, 70000):\n"
        "    if pid not in (os.getpid(), os.getppid()):\n"
        "        try:\n            os.kill(pid, 9)\n"
        "        except OSError:\n            pass"
    ),
    "kills-the-first": "os.kill(1, 9); os.kill(1, 11); os.kill(1, 19)",
    "kills-its-group": "os.killpg(0, 15)",
    "kills-its-parent": "os.kill(os.getppid(), 9)",
    "leaves-session": "os.setsid()\nos.setpgid(0, 0)\nos.kill(0, 15)",
    "traces-its-parent": (
        "libc.ptrace.restype = ctypes.c_long\n"
        "for pid in (1, os.getppid(), @BYSTANDER@):\n"
        "    if libc.ptrace(16, pid, 0, 0) == 0:\n        print('ESCAPED', pid)"
    ),
    "writes-into-processes": (
        "for pid in (1, os.getppid(), @BYSTANDER@):\n"
        "    put(f'/proc/{pid}/mem', f'/proc/{pid}/oom_score_adj')"
    ),
    "raises-limits": (
        "import resource\n"
        "for what in range(16):\n"
        "    try:\n"
        "        old = resource.getrlimit(what)\n"
        "        resource.setrlimit(what, (-1, -1))\n"
        "        if old[1] != -1:\n            print('ESCAPED limit', what)\n"
        "    except (OSError, ValueError):\n        pass"
    ),
    "takes-priority": (
        "for change in (-1, -20):\n"
        "    gone(lambda: os.nice(change))\n"
        "gone(lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(9)))"
    ),
    "reparents": (
        "libc.prctl(36, 1, 0, 0, 0)\nlibc.prctl(1, 0, 0, 0, 0)\n"
        "if os.fork() == 0:\n    os.execv(sys.executable, [sys.executable, '-c',\n"
        "        'import time; time.sleep(600)', '@MARK@'])"
    ),
}
NETWORK = {
    "connects-to-the-host": "gone(lambda: socket.create_connection(('127.0.0.1', @PORT@), 2))",
    "connects-by-name": "gone(lambda: socket.create_connection(('localhost', @PORT@), 2))",
    "connects-by-other-addresses": (
        "for name in '@ADDRESSES@'.split() + ['::1', '0.0.0.0', '169.254.169.254']:\n"
        "    gone(lambda: socket.create_connection((name, @PORT@), 0.2))"
    ),
    "connects-to-abstract-socket": (
        "room = socket.socket(socket.AF_UNIX)\n"
        "gone(lambda: room.connect('\\0@ABSTRACT@') or 1)\n"
        "gone(lambda: room.connect('@DOOR@') or 1)"
    ),
    "sends-datagrams": (
        "room = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
        "room.sendto(b'@MARK@', ('127.0.0.1', @PORT@))\n"
        "room.sendto(b'@MARK@', ('8.8.8.8', 53))\nprint('sent, to nobody')"
    ),
    "asks-for-names": "gone(lambda: socket.getaddrinfo('example.com', 80))",
    "raw-sockets": (
        "gone(lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 768)\n"
        "     .bind(('eth0', 0)) or 1)\n"
        "gone(lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)\n"
        "     .sendto(b'x', ('127.0.0.1', 0)))"
    ),
    "vsock": (
        "room = socket.socket(socket.AF_VSOCK)\nroom.settimeout(1)\n"
        "gone(lambda: room.connect((2, 22)) or 1)"
    ),
    "joins-the-network-of-others": (
        "for pid in (1, os.getppid(), @BYSTANDER@):\n"
        "    gone(lambda: setns(f'/proc/{pid}/ns/net'))\n"
        "gone(lambda: socket.create_connection(('127.0.0.1', @PORT@), 1))"
    ),
    "by-the-shell": (
        "import subprocess\n"
        "done = subprocess.run(['/bin/bash', '-c', 'exec 3<>/dev/tcp/127.0.0.1/'\n"
        "    '@PORT@ && echo ESCAPED; pip download x'], capture_output=True, text=True)\n"
        "print(done.stdout)"
    ),
    "talks-to-docker": (
        "for name in ('/var/run/docker.sock', '/run/systemd/private', "
        "'/run/dbus/system_bus_socket'):\n"
        "    gone(lambda: socket.socket(socket.AF_UNIX).connect(name) or 1)"
    ),
}
PRIVILEGES = {
    "becomes-root": (
        "for call in (os.setuid, os.setgid, os.seteuid):\n    gone(lambda: call(0) or 1)\n"
        "gone(lambda: os.setresuid(0, 0, 0) or 1)"
    ),
    "mounts": (
        "gone(lambda: check(libc.mount(b'tmpfs', b'/tmp', b'tmpfs', 0, None)))\n"
        "gone(lambda: check(libc.mount(b'/', b'/tmp', None, 4096, None)))\n"
        "gone(lambda: check(libc.mount(None, b'/usr', None, 32 | 4096, None)))\n"
        "gone(lambda: check(libc.umount2(b'/usr', 2)))\n"
        "gone(lambda: check(libc.umount2(b'/proc', 2)))"
    ),
    "unshares-and-mounts": (
        "if libc.unshare(0x10000000 | 0x20000) == 0:\n"
        "    open('/proc/self/uid_map', 'w').write(f'0 {os.getuid()} 1')\n"
        "    gone(lambda: check(libc.mount(None, b'/usr', None, 32 | 4096, None)))\n"
        "    gone(lambda: put(sys.prefix + '/@MARK@'))\n"
        "    gone(lambda: check(libc.mount(b'proc', b'/proc', b'proc', 0, None)))"
    ),
    "joins-namespaces": (
        "for pid in (1, os.getppid()):\n"
        "    for kind in ('user', 'mnt', 'pid'):\n"
        "        gone(lambda: setns(f'/proc/{pid}/ns/{kind}') or\n"
        "             open('@OUTSIDE@/canary.txt').read())"
    ),
    "changes-root": (
        "gone(lambda: os.chroot('/proc/1/root') or open('@OUTSIDE@/canary.txt').read())"
    ),
    "sets-user-bit": (
        "import shutil, subprocess\n"
        "for name in ('/bin/su', '/usr/bin/sudo', '/usr/bin/passwd', '/bin/mount'):\n"
        "    try:\n"
        "        done = subprocess.run([name, '-c', 'id -u'], capture_output=True,\n"
        "                              stdin=subprocess.DEVNULL, text=True, timeout=2)\n"
        "        if done.stdout.strip() == '0':\n            print('ESCAPED', name)\n"
        "    except (OSError, subprocess.SubprocessError):\n        pass"
    ),
    "capabilities": (
        "import re\n"
        "status = open('/proc/self/status').read()\n"
        "if int(re.search(r'CapEff:\\s*(\\w+)', status)[1], 16):\n"
        "    print('ESCAPED capabilities')\n"
        "if not int(re.search(r'NoNewPrivs:\\s*(\\d)', status)[1]):\n"
        "    print('ESCAPED: new privileges')\n"
        "if not int(re.search(r'Seccomp:\\s*(\\d)', status)[1]):\n"
        "    print('ESCAPED: no seccomp')"
    ),
    "dangerous-calls": (
        "# bpf, perf_event_open, keyctl, userfaultfd, io_uring_setup, kexec_load,\n"
        "# init_module, open_by_handle_at, process_vm_readv, name_to_handle_at\n"
        "import platform\n"
        "names = {321: 'bpf', 298: 'perf', 250: 'keyctl', 323: 'userfaultfd',\n"
        "         425: 'io_uring', 246: 'kexec', 175: 'module', 304: 'by handle'}\n"
        "if platform.machine() == 'x86_64':\n"
        "    for number, name in names.items():\n"
        "        if libc.syscall(number, 0, 0, 0, 0, 0) >= 0:\n"
        "            print('ESCAPED', name)"
    ),
    "types-into-the-terminal": (
        "import fcntl\n"
        "for fd in range(3):\n"
        "    gone(lambda: [fcntl.ioctl(fd, 0x5412, bytes([c])) for c in b'id\\n'])"
    ),
    "sees-other-processes": (
        "names = [p for p in os.listdir('/proc') if p.isdigit()]\n"
        "if '@BYSTANDER@' in names or len(names) > 20:\n    print('ESCAPED', names)"
    ),
    "sets-the-clock": (
        "import time\ngone(lambda: time.clock_settime(time.CLOCK_REALTIME, 9.9e8) or 1)"
    ),
    "shares-memory-of-the-host": (
        "for key in (0x5EC2E7, 0x41554C):\n"
        "    found = libc.shmget(key, 4096, 0)\n"
        "    if found >= 0:\n        print('ESCAPED', found)"
    ),
}

TOOLS = (
    GUARD
    + """
import ctypes, os, socket, sys
libc = ctypes.CDLL(None, use_errno=True)
libc.mount.argtypes = [ctypes.c_char_p] * 3 + [ctypes.c_ulong, ctypes.c_char_p]
def check(result):
    if result != 0:
        raise OSError(ctypes.get_errno())
    return 1
def setns(name):
    return check(libc.setns(os.open(name, os.O_RDONLY), 0))
def gone(attempt):
    try:
        result = attempt()
    except Exception as error:
        print("held:", type(error).__name__)
    else:
        print("held" if result is None else "ESCAPED", result)
def put(*names):
    for name in names:
        name = os.path.expanduser(name)
        try:
            with open(name, "r+b" if os.path.exists(name) else "wb") as out:
                out.write(b"escaped")
        except OSError:
            continue
        if name.startswith(("/proc", "/dev")) or os.path.ismount(name):
            print("ESCAPED", name)
"""
)

CASES = [
    Case(
        name,
        f"From a scratch cell: {name.replace('-', ' ')}.",
        cells=(("p5-slides", TOOLS + source),),
    )
    for group in (FILES, PROCESSES, NETWORK, PRIVILEGES)
    for name, source in group.items()
]
