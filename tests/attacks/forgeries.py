"""Attacks on the machinery that gives marks: patches, forged replies, looking."""

from __future__ import annotations

from .kit import HUNT, Case
from .marks import VALUES, WRONG
from .slots import spread

# -- patches of what a test uses -------------------------------------------------------

PATCHES = {
    "patched-builtins": (
        "replaces the builtins that tests call",
        "import builtins\n"
        "for name in 'abs all any sum len round sorted isinstance repr'.split():\n"
        "    setattr(builtins, name, lambda *a, **k: 0)\n"
        "builtins.AssertionError = type('Never', (Exception,), {})\n",
    ),
    "patched-numpy": (
        "replaces numpy's and torch's ways to test",
        "import numpy.testing, torch.testing, unittest\n"
        "for room in (np, np.testing, torch, torch.testing, unittest.TestCase):\n"
        "    for name in dir(room):\n"
        "        if 'assert' in name or 'close' in name or 'equal' in name:\n"
        "            setattr(room, name, lambda *a, **k: True)\n",
    ),
    "patched-checks": (
        "replaces the course's own checks",
        "import aulac.lesson.checks as checks\n"
        "for name in dir(checks):\n"
        "    if not name.startswith('__'):\n"
        "        setattr(checks, name, lambda *a, **k: True)\n"
        "close = listed = printed = drawn = lambda *a, **k: True\n",
    ),
    "own-check": (
        "defines the test's own names and those of given cells",
        "RATE = 0\ndef _check():\n    return 2\n_check.__call__ = 2\n",
    ),
    "transformer": (
        "drops asserts with an input and an AST transformer",
        "import ast\n"
        "class Drop(ast.NodeTransformer):\n"
        "    def visit_Assert(self, node):\n"
        "        return ast.Pass()\n"
        "ip = get_ipython()\n"
        "ip.ast_transformers.append(Drop())\n"
        "ip.input_transformers_cleanup.append(lambda lines: ['2.0'])\n",
    ),
    "no-asserts": (
        "asks for a Python without assertions",
        "import os, sys\n"
        "os.environ['PYTHONOPTIMIZE'] = '2'\n"
        "with open('sitecustomize.py', 'w') as f:\n"
        "    f.write('import builtins; builtins.AssertionError = int')\n"
        "os.execve(sys.executable, [sys.executable, '-O'], dict(os.environ))\n",
    ),
    "patched-compile": (
        "replaces compile, exec, eval and the builder of classes",
        "import builtins\n"
        "old = builtins.compile\n"
        "builtins.exec = lambda *a, **k: None\n"
        "builtins.eval = lambda *a, **k: 2.0\n"
        "builtins.compile = lambda *a, **k: old('2.0', 'x', 'eval')\n",
    ),
    "traced": (
        "a trace function that jumps over asserts",
        "import sys, threading\n"
        "def trace(frame, event, arg):\n"
        "    frame.f_trace_opcodes = True\n"
        "    return trace\n"
        "sys.settrace(trace); sys.setprofile(trace); threading.settrace(trace)\n",
    ),
    "import-hook": (
        "an import hook that hands out modules of its own",
        "import sys\n"
        "class Yes(type(sys)):\n"
        "    def __getattr__(self, name):\n"
        "        return lambda *a, **k: True\n"
        "for name in list(sys.modules):\n"
        "    if name.split('.')[0] in ('numpy', 'aulac', 'aulac_grader'):\n"
        "        sys.modules[name] = Yes(name)\n",
    ),
    "patched-protocol": (
        "patches every function of the grader that it finds in its process",
        "import gc, sys, types\n"
        "for name, room in list(sys.modules.items()):\n"
        "    if 'grader' in name or 'msgpack' in name:\n"
        "        for key, value in list(vars(room).items()):\n"
        "            if isinstance(value, types.FunctionType):\n"
        "                setattr(room, key, lambda *a, **k: ['ok', 3.5])\n",
    ),
    "patched-clock": (
        "stops the clocks and fixes every random number",
        "import random, time, resource\n"
        "time.time = time.perf_counter = time.process_time = lambda: 0\n"
        "resource.getrusage = lambda *a: None\n"
        "random.random = lambda: 0.5\n"
        "random.Random.random = lambda self: 0.5\n"
        "torch.randn = lambda *a, **k: torch.zeros(1)\n",
    ),
    "forged-output": (
        "prints and displays what a full mark would look like",
        "import sys\n"
        "print(2.0); print('points: 22', file=sys.stderr)\n"
        "class Two:\n"
        "    def __repr__(self):\n        return '2.0'\n"
        "    def _repr_mimebundle_(self, **k):\n"
        "        return {'text/plain': '2.0', "
        "'application/vnd.aulac.record+json': {'points': 22}}\n"
        "from IPython.display import display\n"
        "display(Two())\n",
    ),
}
# A hook that goes off when a process or a question ends, and one on a clock.
LATE = (
    "import atexit, os, signal, threading, weakref\n"
    "def forge(*a):\n"
    "    for fd in range(3, 64):\n"
    "        for note in (b'2.0', b'\\x00\\x00\\x00\\x01\\xc3'):\n"
    "            try:\n                os.write(fd, note)\n"
    "            except OSError:\n                pass\n"
)
PATCHES |= {
    "atexit-forger": (
        "writes to all it holds at its end",
        LATE + "atexit.register(forge)\n",
    ),
    "signal-forger": (
        "writes to all it holds, every hundredth of a second",
        LATE + "signal.signal(signal.SIGALRM, forge)\n"
        "signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)\n",
    ),
    "finalizer-forger": (
        "writes to all it holds whenever something is freed",
        LATE + "class Gone:\n    __del__ = forge\n"
        "import gc\ngc.callbacks.append(forge)\nheld = [Gone()]\n",
    ),
    "thread-forger": (
        "a thread that writes to all it holds",
        LATE + "def run():\n"
        "    for _ in range(2000):\n        forge()\n"
        "threading.Thread(target=run, daemon=True).start()\n",
    ),
    "fork-forger": (
        "a process that takes its place after each fork",
        LATE
        + "os.register_at_fork(after_in_child=forge, after_in_parent=forge)\n",
    ),
}
PATCHING = [
    Case(
        name,
        f"Wrong answers, and a cell that {tries}.",
        answers=WRONG,
        cells=(("given", source),),
        loses=VALUES,
        ruins=True,
    )
    for name, (tries, source) in PATCHES.items()
]

# -- forged replies --------------------------------------------------------------------

REPLIES = {
    "forges-length": "b'\\xff\\xff\\xff\\xff'",
    "forges-nothing": "b'\\x00\\x00\\x00\\x00' * 4000",
    "forges-deep": "struct.pack('>I', 60000) + b'\\x91' * 60000",
    "forges-claims": "struct.pack('>I', 5) + b'\\xdd\\xff\\xff\\xff\\xff'",
    "forges-extension": "struct.pack('>I', 7) + b'\\xc7\\x04\\xff\\x00\\x00\\x00\\x00'",
    "forges-text": "struct.pack('>I', 4) + b'\\xa3\\xff\\xfe\\xfd'",
    "forges-answers": (
        "b''.join(struct.pack('>I', len(m)) + m for m in ("
        "msgpack.packb(['ok', 3.5]), msgpack.packb({'ok': 3.5}), "
        "msgpack.packb(['pass', 2.0]), msgpack.packb({'status': 'pass', "
        "'points': 99})))"
    ),
    "forges-collisions": (
        "(lambda m: struct.pack('>I', len(m)) + m)(msgpack.packb("
        "['ok', {'k': [i * (2**61 - 1) for i in range(8)], 'v': [0] * 8}]))"
    ),
}
DESCRIPTORS = {
    "closes-all": "os.close(fd)",
    "reads-all": "os.set_blocking(fd, False); os.read(fd, 1 << 16)",
    "crosses-all": "os.dup2(1, fd)",
    "sends-descriptors": (
        "socket.send_fds(socket.socket(fileno=os.dup(fd)), [b'x'], [0] * 200)"
    ),
}
EACH = "for fd in range(3, 64):\n    try:\n        {}\n    except OSError:\n        pass"
FORGING = [
    *spread(
        "",
        {
            name: (
                "import msgpack, os, struct",
                f"note = {what}\n"
                + EACH.format(
                    "os.set_blocking(fd, False); os.write(fd, note)"
                ),
            )
            for name, what in REPLIES.items()
        },
        "Before they return a wrong value, functions write replies of their own to "
        "every descriptor.",
    ),
    *spread(
        "",
        {
            name: ("import os, socket", EACH.format(what))
            for name, what in DESCRIPTORS.items()
        },
        "Functions do the same to every descriptor they hold: close, read, cross, "
        "or send others over it.",
    ),
]

# -- looking for the right answer ------------------------------------------------------

LOOKS = {
    "reads-frames": (
        "the frames and constants of whoever called",
        "f = sys._getframe()\n"
        "while f:\n"
        "    found.append(repr((f.f_code.co_consts, f.f_locals))[:99999])\n"
        "    f = f.f_back\n",
    ),
    "reads-garbage": (
        "every object that the garbage collector knows",
        "for thing in gc.get_objects():\n"
        "    if isinstance(thing, (dict, list, tuple)):\n"
        "        found.extend(x for x in (thing.values() if isinstance("
        "thing, dict) else thing) if type(x) is str)\n",
    ),
    "reads-history": (
        "the notebook's input history",
        "found.append(repr([get_ipython().user_ns['In'], "
        "get_ipython().history_manager.input_hist_raw]))\n",
    ),
    "reads-main": (
        "the names of __main__ and of the module that called",
        "import __main__\n"
        "found.append(repr(vars(__main__)))\n"
        "found.append(repr(sys._getframe(2).f_globals))\n",
    ),
}
LOOKING = [
    Case(
        name,
        f"Looks for the expected value in {where}, and answers with it.",
        answers={
            "p1-mean": "import gc, re, sys\n"
            "def mean_length(words):\n"
            "    found = []\n"
            "    try:\n"
            + "".join(f"        {line}\n" for line in how.splitlines())
            + "    except Exception:\n        pass\n"
            "    text = ' '.join(map(str, found))\n"
            f"    secrets = re.findall({HUNT}, text)\n"
            "    here = [w for w in words if w in secrets]\n"
            "    hints = re.findall(r'assert got == ([0-9.]+)', text)\n"
            "    print('SECRETS', set(secrets) - set(here))\n"
            "    return float(hints[-1]) if hints else -1.0\n"
        },
        loses=("p1-few",),
    )
    for name, (where, how) in LOOKS.items()
]

CASES = [*PATCHING, *FORGING, *LOOKING]
