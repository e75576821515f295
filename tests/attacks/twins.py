"""Honest twins: right answers handed in clumsily. None may lose a mark for it."""

from __future__ import annotations

from .kit import Case, reference
from .twins_saved import FOLDERS, FORMS

# -- scratch cells that have nothing to do with the answers ----------------------------

SCRATCH = {
    "exit": "exit()",
    "quit": "quit(0)",
    "system-exit": "import sys\nsys.exit('xong')",
    "hard-exit": "import os\nos._exit(1)",
    "error": "1 / 0",
    "syntax-error": "def oops(:\n    pass",
    "unknown-name": "mean_lenght(['a'])",
    "not-installed": "import a_package_that_nobody_has",
    "input": "name = input('Tên bạn? ')",
    "magic": "%matplotlib inline\n%load_ext autoreload\n%autoreload 2",
    "timing": "%timeit -n 2 -r 1 sum(range(10))\n%time sum(range(10))",
    "cell-timing": "%%time\nx = mean_length(['a'])",
    "cell-in-bash": "%%bash\necho xin chào\nls",
    "cell-written": "%%writefile notes.txt\nghi chú",
    "shell": "!pip list\n!ls -la\nfiles = !ls",
    "install": "!pip install torch\n%pip install numpy",
    "help": "mean_length?\nmean_length??\nhelp(mean_length)",
    "history": "%history\n%who\n%whos\n%pwd\n%cd .",
    "progress-bar": "from tqdm.auto import tqdm\nfor _ in tqdm(range(50)):\n    pass",
    "progress-stderr": "from tqdm import tqdm\nfor _ in tqdm(range(50)):\n    pass",
    "plot": "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()",
    "plot-not-closed": "import matplotlib.pyplot as plt\nfig, ax = plt.subplots()\nfig",
    "prints-much": "for n in range(2000):\n    print('dòng', n)",
    "prints-a-long-line": "print('x' * 100_000)",
    "warning": "import warnings\nwarnings.warn('cẩn thận')",
    "warnings-off": "import warnings\nwarnings.filterwarnings('ignore')",
    "warnings-are-errors": "import warnings\nwarnings.simplefilter('error')",
    "stderr": "import sys\nprint('lỗi gì đó', file=sys.stderr)",
    "logging": "import logging\nlogging.basicConfig(level='DEBUG', force=True)\n"
    "logging.debug('x')\nlogging.getLogger('matplotlib').setLevel('DEBUG')",
    "seeds": "import random\nrandom.seed(0)\nnp.random.seed(0)\ntorch.manual_seed(0)",
    "changes-folder": "import os, tempfile\nos.chdir(tempfile.mkdtemp())\nos.chdir('/tmp')",
    "reads-a-missing-file": "open('/content/drive/data.csv')",
    "mounts-a-drive": "from google.colab import drive\ndrive.mount('/content/drive')",
    "downloads": "import urllib.request\nurllib.request.urlopen('http://example.com')",
    "many-imports": "import numpy as np, torch, math, re, json, os, sys, time\n"
    "from collections import *\nfrom typing import *\nfrom math import *",
    "print-options": "np.set_printoptions(precision=2)\n"
    "torch.set_printoptions(sci_mode=False)\ntorch.set_grad_enabled(True)",
    "widgets": "import ipywidgets as widgets\nwidgets.IntSlider()",
    "last-value": "mean_length(['xin'])\n{'a': 1}",
    "slow-but-allowed": "import time\ntime.sleep(0.6)",
    "threads": "import threading\nthreading.Thread(target=print, args=(1,)).start()",
    "own-checks": "assert mean_length(['xin', 'chào']) == 3.5\nprint('đúng rồi')",
    "uses-underscore": "_ = 5\n__ = 6\nIn, Out = 1, 2",
    "comment-only": "# chưa làm gì ở đây\n",
    "recursion-limit": "import sys\nsys.setrecursionlimit(5000)",
    "rebinds-builtins-here": "def f():\n    list = [1]\n    return list\nf()",
    "displays": "from IPython.display import HTML, display\ndisplay(HTML('<b>x</b>'))",
}
IN_SCRATCH = [
    Case(
        f"scratch-{name}",
        f"A scratch cell between the answers: {name.replace('-', ' ')}.",
        cells=(("p5-slides", source),),
    )
    for name, source in SCRATCH.items()
]
PILED = Case(
    "scratch-after-every-cell",
    "A scratch cell after every answer: a failing one, a leaving one, a noisy one.",
    cells=tuple(
        (name, source)
        for name, source in zip(
            reference(),
            [
                "1 / 0",
                "exit()",
                "print('x' * 5000)",
                "def oops(:",
                "!ls",
                "%pwd",
            ]
            * 2,
            strict=False,
        )
    ),
)

# -- other ways to write a right answer ------------------------------------------------

P1 = reference()["p1-mean"]
STYLES: dict[str, dict[str, str]] = {
    "warns": {
        "p1-mean": "import warnings\n"
        + P1.replace(
            "    #\n", "    warnings.warn('sắp chia', stacklevel=2)\n", 1
        )
    },
    "writes-to-stderr": {
        "p1-mean": "import sys\n"
        + P1.replace(
            "    #\n", "    print('đang tính', words, file=sys.stderr)\n", 1
        )
    },
    "prints-much": {
        "p1-mean": P1.replace("    #\n", "    print('đang tính', words)\n", 1)
    },
    "shows-progress": {
        "p1-mean": "from tqdm import tqdm\ndef mean_length(words):\n"
        "    total = sum(len(w) for w in tqdm(words))\n"
        "    return total / len(words) if words else 0\n"
    },
    "callable-object": {
        "p1-mean": "class MeanLength:\n    def __call__(self, words):\n"
        "        return sum(map(len, words)) / max(len(words), 1)\n"
        "mean_length = MeanLength()\n"
    },
    "partial-and-cache": {
        "p1-mean": "from functools import partial\n"
        "def mean_of(measure, words):\n"
        "    return sum(map(measure, words)) / len(words) if words else 0\n"
        "mean_length = partial(mean_of, len)\n",
        "p2-initials": "from functools import lru_cache\n@lru_cache\n"
        "def initials(name):\n"
        "    return ''.join(p[0] for p in name.split()).upper()\n",
        "p9-root": "import math\nroot = math.sqrt\n",
    },
    "lambdas": {
        "p1-mean": "mean_length = lambda words: (\n"
        "    sum(len(w) for w in words) / len(words) if words else 0)\n",
        "p2-initials": "initials = lambda n: "
        "''.join(p[0].upper() for p in n.split())\n",
    },
    "numpy-scalars": {
        "p1-mean": "import numpy as np\ndef mean_length(words):\n"
        "    return np.mean([len(w) for w in words]) if words else np.int64(0)\n",
        "p9-root": "import numpy as np\ndef root(x):\n    return np.sqrt(x)\n",
    },
    "torch-scalars": {
        "p1-mean": "import torch\ndef mean_length(words):\n"
        "    n = torch.tensor([float(len(w)) for w in words])\n"
        "    return n.mean().item() if words else 0\n",
        "p9-root": "def root(x):\n    return torch.tensor(x).double().sqrt().item()\n",
    },
    "whole-numbers": {
        "p1-mean": "from fractions import Fraction\ndef mean_length(words):\n"
        "    n = sum(map(len, words))\n"
        "    return float(Fraction(n, len(words))) if n else False\n"
    },
    "subclasses-of-plain-things": {
        "p4-affine": reference()["p4-affine"].replace(
            "return {name: p.grad for name, p in layer.named_parameters()}",
            "from collections import OrderedDict\n"
            "    return OrderedDict((n, p.grad) for n, p in layer.named_parameters())",
        ),
        "p2-initials": "class Text(str):\n    pass\n"
        "def initials(name):\n"
        "    return Text(''.join(p[0] for p in name.split()).upper())\n",
    },
    "state-kept-between-calls": {
        "p1-mean": "seen = {}\ndef mean_length(words):\n"
        "    key = tuple(words)\n"
        "    if key not in seen:\n"
        "        seen[key] = sum(map(len, words)) / max(len(words), 1)\n"
        "    return seen[key]\n"
    },
    "changes-its-argument": {
        "p1-mean": "def mean_length(words):\n    n = len(words)\n    total = 0\n"
        "    while words:\n        total += len(words.pop())\n"
        "    return total / n if n else 0\n"
    },
    "list-instead-of-generator": {
        "p5-windows": "def windows(items, size):\n"
        "    return [items[n:n + size] for n in range(len(items) - size + 1)]\n"
    },
    "iterator-class": {
        "p5-windows": "class windows:\n    def __init__(self, items, size):\n"
        "        self.items, self.size, self.at = items, size, -1\n"
        "    def __iter__(self):\n        return self\n"
        "    def __next__(self):\n        self.at += 1\n"
        "        if self.at + self.size > len(self.items):\n"
        "            raise StopIteration\n"
        "        return self.items[self.at:self.at + self.size]\n"
    },
    "islices": {
        "p5-windows": "from itertools import islice\n"
        "def windows(items, size):\n"
        "    return (list(islice(items, n, n + size))\n"
        "            for n in range(len(items) - size + 1))\n"
    },
    "dataclass-with-slots": {
        "p3-purse": "from dataclasses import dataclass\n"
        "class TooLittle(ValueError):\n    pass\n"
        "@dataclass(slots=True)\nclass Purse:\n    balance: int\n"
        "    def pay(self, amount: int) -> int:\n"
        "        if (left := self.balance - amount) < 0:\n"
        "            raise TooLittle('không đủ tiền')\n"
        "        self.balance = left\n        return left\n"
    },
    "property-and-metaclass": {
        "p3-purse": "from abc import ABC\nclass Purse(ABC):\n"
        "    def __init__(self, start):\n        self._money = start\n"
        "    @property\n    def balance(self):\n        return self._money\n"
        "    def pay(self, amount):\n"
        "        assert amount >= 0\n"
        "        if amount > self._money:\n"
        "            raise ValueError\n"
        "        self._money -= amount\n        return self.balance\n"
    },
    "linear-inside": {
        "p4-affine": "class Affine(torch.nn.Module):\n"
        "    def __init__(self, width):\n        super().__init__()\n"
        "        self.shift = torch.nn.Parameter(torch.zeros(width))\n"
        "        self.register_parameter('weight',\n"
        "            torch.nn.Parameter(torch.eye(width)))\n"
        "    def forward(self, x):\n"
        "        return torch.addmm(self.shift, x, self.weight)\n"
        "def loss_of(layer, x):\n"
        "    loss = layer(x).square().sum()\n"
        "    names, values = zip(*layer.named_parameters())\n"
        "    return dict(zip(names, torch.autograd.grad(loss, values)))\n"
    },
    "prints-by-write": {
        "p6-receipt": "import sys\ndef receipt(prices):\n"
        "    sys.stdout.write(''.join(f'{n}: {p}\\n' for n, p in prices.items()))\n"
        "    sys.stdout.write(f'tổng: {sum(prices.values())}\\n')\n"
    },
    "prints-in-pieces": {
        "p6-receipt": "def receipt(prices):\n"
        "    for name in prices:\n"
        "        print(name, end=': ')\n        print(prices[name], flush=True)\n"
        "    print('tổng', sum(prices.values()), sep=': ')\n    return 5\n"
    },
    "draws-with-axes": {
        "p7-draw": "import matplotlib\nmatplotlib.use('Agg')\n"
        "import matplotlib.pyplot as plt\n"
        "def draw(values):\n"
        "    fig, ax = plt.subplots(figsize=(4, 3))\n"
        "    ax.plot(range(len(values)), values, 'o-')\n"
        "    ax.set_title('Đường')\n    fig.tight_layout()\n    plt.show()\n"
    },
    "writes-by-pathlib": {
        "p8-file": "from pathlib import Path\n"
        "squares_file = 'squares.npy'\n"
        "with Path(squares_file).open('wb') as out:\n"
        "    np.save(out, np.array([n ** 2 for n in range(10)]))\n"
    },
    "threads-inside": {
        "p1-mean": "from concurrent.futures import ThreadPoolExecutor\n"
        "def mean_length(words):\n"
        "    with ThreadPoolExecutor(2) as pool:\n"
        "        sizes = list(pool.map(len, words))\n"
        "    return sum(sizes) / len(sizes) if sizes else 0\n"
    },
    "processes-inside": {
        "p1-mean": "from multiprocessing import Pool\n"
        "def mean_length(words):\n"
        "    if len(words) != 2:\n"
        "        return sum(map(len, words)) / max(len(words), 1)\n"
        "    with Pool(2) as pool:\n        sizes = pool.map(len, words)\n"
        "    return sum(sizes) / len(sizes)\n"
    },
    "asynchronous-inside": {
        "p1-mean": "import asyncio\nasync def measure(word):\n"
        "    await asyncio.sleep(0)\n    return len(word)\n"
        "def mean_length(words):\n"
        "    async def all_of():\n"
        "        return await asyncio.gather(*map(measure, words))\n"
        "    sizes = asyncio.run(all_of())\n"
        "    return sum(sizes) / len(sizes) if sizes else 0\n"
    },
    "vietnamese-names": {
        "p1-mean": "def độ_dài_trung_bình(các_từ):\n"
        "    tổng = sum(len(từ) for từ in các_từ)   # 🎉 emoji trong chú thích\n"
        "    return tổng / len(các_từ) if các_từ else 0\n"
        "mean_length = độ_dài_trung_bình\n"
    },
    "type-hints": {
        "p1-mean": "from __future__ import annotations\n"
        "from collections.abc import Sequence\nfrom typing import Optional\n"
        "def mean_length(words: Optional[Sequence[Từ]], /) -> float | None:\n"
        "    match words:\n        case []:\n            return 0\n"
        "        case _:\n"
        "            return (n := sum(map(len, words))) and n / len(words)\n"
    },
    "tabs-and-semicolons": {
        "p1-mean": "def mean_length(words):\n\tn = len(words);\n"
        "\tif not n: return 0\n\treturn sum(map(len, words)) / n;\n\n\n"
    },
    "very-long": {
        "p1-mean": "LENGTHS = {\n"
        + "".join(f"    {'a' * 30 + str(n)!r}: {n},\n" for n in range(3000))
        + f"}}\n{P1}"
    },
    "helpers-and-main": {
        "p1-mean": "def total(words):\n    return sum(map(len, words))\n\n"
        "def mean_length(words):\n    return total(words) / len(words) if words else 0\n"
        "\nif __name__ == '__main__':\n    print(mean_length(['thử']))\n"
    },
    "fails-after-defining": {
        "p1-mean": f"{P1}\nprint(mean_length(None))\n",
    },
    "global-random-state": {
        "p1-mean": "import random\nrandom.seed(1)\ntorch.manual_seed(1)\n"
        "np.random.seed(1)\ntorch.set_default_dtype(torch.float32)\n" + P1
    },
    "magic-in-the-answer": {
        "p1-mean": f"%matplotlib inline\n{P1}\n!echo xong"
    },
    "timed-answer": {"p1-mean": f"%%time\n{P1}"},
    "reads-own-notes": {
        "p1-mean": "from pathlib import Path\nPath('note.txt').write_text('x')\n"
        "assert Path('note.txt').read_text() == 'x'\n" + P1
    },
}
IN_STYLES = [
    Case(
        f"style-{name}",
        f"A right answer that is {name.replace('-', ' ')}.",
        answers=answers,
    )
    for name, answers in STYLES.items()
]

TWINS = [*IN_SCRATCH, PILED, *IN_STYLES, *FORMS, *FOLDERS]
