"""Attacks on marks: wrong answers that want points for something else."""

from __future__ import annotations

from .kit import GUARD, Case, reference
from .slots import spread

# -- answers made of one value ---------------------------------------------------------

FUNCTIONS = ("p1-few", "p2-names", "p5-slides", "p9-near")
VALUES = (*FUNCTIONS, "p3-pays", "p3-refuses", "p4-forward", "p4-gradient")


def all_give(value: str, prelude: str = "") -> dict[str, str]:
    """Answers in which everything returns `value`, after `prelude`."""

    def function(head: str) -> str:
        return f"{prelude}\ndef {head}:\n    return {value}\n"

    return {
        "p1-mean": function("mean_length(words)"),
        "p2-initials": function("initials(name)"),
        "p3-purse": f"{prelude}\nclass Purse:\n"
        "    def __init__(self, start):\n        pass\n"
        f"    balance = property(lambda self: {value})\n"
        f"    def pay(self, amount):\n        return {value}\n",
        "p4-affine": f"{prelude}\nclass Affine(torch.nn.Module):\n"
        "    def __init__(self, width):\n        super().__init__()\n"
        f"    def forward(self, x):\n        return {value}\n"
        f"{function('loss_of(layer, x)')}",
        "p5-windows": function("windows(items, size)"),
        "p9-root": function("root(x)"),
    }


WRONG = all_give("-1")

SAME = """
def yes(*a, **k):
    return True
def me(self, *a, **k):
    return self
ALWAYS = {n: yes for n in (
    "__eq__ __ne__ __lt__ __le__ __gt__ __ge__ __bool__ __contains__ "
    "__instancecheck__").split()}
ALWAYS |= {n: me for n in (
    "__sub__ __rsub__ __add__ __radd__ __mul__ __rmul__ __abs__ __neg__ "
    "__truediv__ __getitem__ __call__ __round__ __matmul__ __pow__").split()}
ALWAYS |= {"__hash__": lambda self: 7, "__len__": lambda self: 1,
           "__iter__": lambda self: iter([self]),
           "__repr__": lambda self: "3.5", "__float__": lambda self: 3.5}
"""

VALUES_TRIED = {
    "equal-object": (
        "an object that says it equals everything",
        "Same()",
        SAME + "Same = type('Same', (), ALWAYS)",
    ),
    "equal-float": (
        "a float that says it equals everything and differs from nothing",
        "Same(7)",
        SAME + "Same = type('Same', (float,), ALWAYS)",
    ),
    "equal-int": (
        "an int that says it equals everything",
        "Same(7)",
        SAME + "Same = type('Same', (int,), ALWAYS)",
    ),
    "equal-str": (
        "a str that says it equals everything",
        "Same('x')",
        SAME + "Same = type('Same', (str,), ALWAYS)",
    ),
    "equal-list": (
        "a list that says it equals everything",
        "Same([1])",
        SAME + "Same = type('Same', (list,), ALWAYS)",
    ),
    "equal-class": (
        "a class, not an instance, whose metaclass says yes",
        "Same",
        SAME + "Meta = type('Meta', (type,), ALWAYS)\n"
        "Same = Meta('Same', (), {})",
    ),
    "mock-any": (
        "unittest's own object that equals everything",
        "ANY",
        "from unittest.mock import ANY",
    ),
    "magic-mock": (
        "a mock that answers every question",
        "MagicMock()",
        "from unittest.mock import MagicMock",
    ),
    "lying-class": (
        "an object whose __class__ says float",
        "Liar()",
        SAME + "Liar = type('Liar', (), {**ALWAYS, "
        "'__class__': property(lambda self: float)})",
    ),
    "array-subclass": (
        "an array whose __array_ufunc__ and __array_function__ say yes",
        "np.zeros(2).view(Yes)",
        "class Yes(np.ndarray):\n"
        "    def __array_ufunc__(self, *a, **k):\n        return True\n"
        "    def __array_function__(self, *a, **k):\n        return True\n"
        "    def __eq__(self, other):\n        return True\n",
    ),
    "tensor-subclass": (
        "a tensor whose __torch_function__ says yes",
        "torch.zeros(2).as_subclass(Yes)",
        "class Yes(torch.Tensor):\n"
        "    @classmethod\n"
        "    def __torch_function__(cls, *a, **k):\n        return True\n",
    ),
    "array-protocol": (
        "an object that lends __array__ and __array_interface__",
        "Lender()",
        "class Lender:\n"
        "    __array_priority__ = 1e9\n"
        "    def __array__(self, *a, **k):\n        return np.empty(0)\n"
        "    __array_ufunc__ = lambda self, *a, **k: True\n",
    ),
    "empty-array": (
        "an array of no elements, all of which are right",
        "np.empty(0)",
        "",
    ),
    "empty-tensor": (
        "a tensor of no elements that broadcasts to everything",
        "torch.empty(0, 1)",
        "",
    ),
    "empty-list": ("a list with nothing wrong in it", "[]", ""),
    "object-array": (
        "an array of objects that equal everything",
        "np.array([Same()], dtype=object)",
        SAME + "Same = type('Same', (), ALWAYS)",
    ),
    "masked": ("numpy's masked value", "np.ma.masked", ""),
    "not-a-number": (
        "nan, so that no comparison says it is wrong",
        "nan",
        "from math import nan",
    ),
    "infinite": (
        "minus infinity as a number of points",
        "-inf",
        "from math import inf",
    ),
    "complex": ("a complex number", "complex('nan')", ""),
    "huge-int": ("an integer of 400,000 digits", "1 << 1_300_000", ""),
    "huge-array-of-points": (
        "an array where a number of points is wanted",
        "np.full(3, -9.9e9)",
        "",
    ),
    "true": ("True, which is 1", "True", ""),
    "structured": (
        "a structured array",
        "np.zeros(2, dtype=[('a', 'i4'), ('b', 'O')])",
        "",
    ),
    "not-a-time": ("numpy's NaT", "np.datetime64('NaT')", ""),
    "sparse": (
        "a sparse, then a quantized, then a meta tensor",
        "next(KINDS)",
        "import itertools\nKINDS = itertools.cycle(["
        "torch.zeros(2).to_sparse(), torch.empty(2, device='meta'), "
        "torch.quantize_per_tensor(torch.zeros(2), 1.0, 0, torch.qint8)])",
    ),
    "the-judge-itself": (
        "the exception class that the test catches",
        "AssertionError",
        "",
    ),
}

BY_VALUE = [
    Case(
        name,
        f"Everything returns {tries}.",
        answers=all_give(value, prelude),
        loses=VALUES,
    )
    for name, (tries, value, prelude) in VALUES_TRIED.items()
]

# -- functions that do not return ------------------------------------------------------

RAISED = {
    "raises-exit": "SystemExit(0)",
    "raises-interrupt": "KeyboardInterrupt()",
    "raises-generator-exit": "GeneratorExit()",
    "raises-stop": "StopIteration(3.5)",
    "raises-assertion": "AssertionError('2.0')",
    "raises-timeout": "TimeoutError()",
    "raises-connection": "ConnectionResetError()",
    "raises-end": "EOFError()",
    "raises-broken-pipe": "BrokenPipeError(32, 'x')",
    "raises-memory": "MemoryError()",
    "raises-everything": (
        "type('All', (ValueError, KeyError, OSError, StopIteration), {})()"
    ),
    "raises-mute": (
        "type('Mute', (Exception,), {'__str__': lambda s: 1/0, "
        "'__repr__': lambda s: 1/0})()"
    ),
    "raises-group": "BaseExceptionGroup('g', [SystemExit(0)])",
    "raises-infrastructure": (
        "type('InfrastructureError', (RuntimeError,), "
        "{'__module__': 'aulac_grader.judge.submitted'})()"
    ),
    "raises-surrogates": "ValueError('\\ud800' * 3)",
}
RAISING = list(
    spread(
        "",
        {name: ("", f"raise {what}") for name, what in RAISED.items()},
        "Functions raise what might pass for something else.",
    )
)
RAISING += [
    Case(
        f"always-{name}",
        f"Everything always raises {RAISED[name]}.",
        answers=all_give("stop()", f"def stop():\n    raise {RAISED[name]}"),
        loses=VALUES,
    )
    for name in ("raises-exit", "raises-everything", "raises-mute")
]
ENDED = {
    "exit-zero": "import os; os._exit(0)",
    "exit-hook": "import atexit, sys; atexit.register(print, 2.0); sys.exit()",
    "kills-itself": "import os; os.kill(os.getpid(), 9)",
    "stops-itself": "import os; os.kill(os.getpid(), 19)",
    "segfault": "import ctypes; ctypes.string_at(0)",
    "abort": "import os; os.abort()",
    "kills-its-own-parent": "import os; os.kill(os.getppid(), 9)",
    "kills-the-box": "import os; os.kill(1, 9); os.kill(-1, 9)",
    "executes-another-program": (
        "import os, sys; os.execv(sys.executable, [sys.executable, '-c', ''])"
    ),
}
ENDING = list(
    spread(
        "",
        {name: (GUARD, how) for name, how in ENDED.items()},
        "Functions end their process in the middle of a test.",
    )
)

# -- knowing only what is visible ------------------------------------------------------

KNOWN = [
    Case(
        "hard-coded",
        "Answers exactly the visible tests by heart.",
        answers={
            "p1-mean": "def mean_length(words):\n"
            "    return {2: 3.5, 0: 0}.get(len(words), 3.5)\n",
            "p2-initials": "def initials(name):\n    return 'ĐTĐ'\n",
            "p3-purse": "class Purse:\n"
            "    def __init__(self, start):\n        self.balance = start\n"
            "    def pay(self, amount):\n"
            "        if amount == 3 and self.balance == 2:\n"
            "            raise ValueError\n"
            "        return 7\n",
            "p5-windows": "def windows(items, size):\n"
            "    return iter([[1, 2], [2, 3]])\n",
            "p6-receipt": "def receipt(prices):\n"
            "    print('phở: 50\\nchè: 20\\ntổng: 70')\n",
            "p8-file": "np.save('squares.npy', np.zeros(10))\n"
            "squares_file = 'squares.npy'\n",
            "p9-root": "def root(x):\n    return 2.0\n",
        },
        loses=(*FUNCTIONS, "p3-pays", "p3-refuses", "p6-prints", "p8-squares"),
    ),
    Case(
        "counts-calls",
        "Behaves at the first calls, which are the visible tests, and not after.",
        answers={
            "p1-mean": reference()["p1-mean"].replace(
                "def mean", "def real_mean"
            )
            + "\ncalls = []\ndef mean_length(words):\n"
            "    calls.append(words)\n"
            "    return real_mean_length(words) if len(calls) < 3 else -1\n"
        },
        loses=("p1-few",),
    ),
    Case(
        "replaced-by-value",
        "The names that tests call are values, not functions.",
        answers={
            "p1-mean": "mean_length = 3.5\n",
            "p2-initials": "initials = 'ĐTĐ'\n",
            "p3-purse": "Purse = [10]\n",
            "p5-windows": "windows = [[1, 2], [2, 3]]\n",
            "p9-root": "root = torch.nn.Identity\n",
        },
        loses=(*FUNCTIONS, "p3-pays", "p3-refuses"),
    ),
    Case(
        "deletes-names",
        "A later cell deletes the right answers' names or makes them lie.",
        cells=(
            ("p1-mean", "del mean_length"),
            (
                "p2-initials",
                "initials.__call__ = initials.__wrapped__ = None\n"
                "initials.__code__ = (lambda name: 'ĐTĐ').__code__",
            ),
        ),
        loses=("p1-few", "p2-names"),
    ),
    Case(
        "endless-windows",
        "A generator that never ends, and gives more than it should.",
        answers={
            "p5-windows": "def windows(items, size):\n"
            "    while True:\n        yield from ([1, 2], [2, 3])\n"
        },
        loses=("p5-slides",),
    ),
    Case(
        "generator-of-liars",
        "A generator whose items change after they were looked at.",
        answers={
            "p5-windows": SAME + "class Row(list):\n"
            "    __eq__ = yes\n"
            "def windows(items, size):\n"
            "    yield Row()\n    yield type('S', (), ALWAYS)()\n"
        },
        loses=("p5-slides",),
    ),
    Case(
        "fake-gradients",
        "A module whose forward is right and whose gradients are made up.",
        answers={
            "p4-affine": reference()["p4-affine"].replace(
                "{name: p.grad for name, p in layer.named_parameters()}",
                "{name: torch.tensor([2.0, 4.0]) for name in ('shift', 'weight')}",
            )
        },
        loses=("p4-gradient",),
    ),
    Case(
        "slow-with-stopped-clock",
        "Takes longer than the test allows, and stops the clock that would say so.",
        answers={
            # By its own clock, so that it is as slow on a fast machine.
            "p2-initials": "import signal, time\n"
            "clock = time.thread_time\n"
            "time.process_time = time.perf_counter = time.time = lambda: 0.0\n"
            "time.monotonic = time.thread_time = time.process_time\n"
            "signal.setitimer = signal.alarm = lambda *a: (0.0, 0.0)\n"
            "def initials(name):\n"
            "    end = clock() + (1.5 if len(name) > 100 else 0)\n"
            "    while clock() < end:\n        pass\n"
            "    return ''.join(part[0] for part in name.split()).upper()\n"
        },
        loses=("p2-names",),
    ),
    Case(
        "blank-print",
        "Prints to a terminal, to a file, to stderr: anywhere but to standard output.",
        answers={
            "p6-receipt": "import os, sys\n"
            "def receipt(prices):\n"
            "    print('phở: 50', file=sys.stderr)\n"
            "    sys.stdout = sys.stderr\n"
            "    return 'phở: 50\\nchè: 20\\ntổng: 70\\n'\n"
        },
        loses=("p6-prints",),
    ),
    Case(
        "draws-nothing",
        "Returns pictures instead of drawing, or closes them before they are seen.",
        answers={
            "p7-draw": "def draw(values):\n"
            "    import matplotlib.pyplot as plt\n"
            "    plt.plot(values)\n    plt.close('all')\n"
            "    return [b'\\x89PNG\\r\\n\\x1a\\n']\n"
        },
        loses=("p7-line",),
    ),
]

CASES = [
    *BY_VALUE,
    *RAISING,
    *ENDING,
    *KNOWN,
]
