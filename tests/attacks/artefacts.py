"""Attacks by the file that is handed in: pickles, lying headers, bombs.

Each is an answer cell that writes `squares.npy`. Loading it must run nothing, take
no more than its cap, and give no point.
"""

from __future__ import annotations

from pathlib import Path

from .kit import Case, World

PICKLED = """
class Evil:
    def __reduce__(self):
        return (exec, ("open('@OUTSIDE@/escaped', 'w').write('x')",))
"""
HEADER = """
def npy(header, data=b"", version=b"\\x01\\x00"):
    header = header.encode()
    size = len(header).to_bytes(2 if version[0] == 1 else 4, "little")
    with open("squares.npy", "wb") as out:
        out.write(b"\\x93NUMPY" + version + size + header + data)
"""
WRITERS = {
    "pickled-object": (
        "an array of one object that runs code when it is loaded",
        PICKLED
        + "np.save('squares.npy', np.array([Evil()] * 10), allow_pickle=True)",
    ),
    "bare-pickle": (
        "a pickle named like an array",
        PICKLED
        + "import pickle\npickle.dump(Evil(), open('squares.npy', 'wb'))",
    ),
    "torch-file": (
        "a torch file named like an array",
        PICKLED + "torch.save(Evil(), 'squares.npy')",
    ),
    "torch-script": (
        "a torch script named like an array",
        "torch.jit.save(torch.jit.script(torch.nn.Identity()), 'squares.npy')",
    ),
    "huge-shape": (
        "a header that claims a terabyte",
        HEADER + "npy(\"{'descr': '<i8', 'fortran_order': False, "
        "'shape': (10, 10000000000)}\\n\", bytes(80))",
    ),
    "huge-header": (
        "a header of forty megabytes",
        HEADER + "npy('(' * 40_000_000, version=b'\\x02\\x00')",
    ),
    "deep-header": (
        "a header nested so deep that a parser falls over",
        HEADER + "npy('[' * 60_000)",
    ),
    "header-of-code": (
        "a header that is code",
        HEADER
        + "npy(\"__import__('os').system('touch @OUTSIDE@/escaped')\\n\")",
    ),
    "negative-shape": (
        "a header with a negative shape",
        HEADER + "npy(\"{'descr': '<i8', 'fortran_order': False, "
        "'shape': (-10,)}\\n\", bytes(80))",
    ),
    "object-type": (
        "a header that says the elements are objects",
        HEADER + "npy(\"{'descr': '|O', 'fortran_order': False, "
        "'shape': (10,)}\\n\", bytes(80))",
    ),
    "wide-elements": (
        "elements of two gigabytes each",
        HEADER + "npy(\"{'descr': '|V2147483647', 'fortran_order': False, "
        "'shape': (10,)}\\n\", bytes(80))",
    ),
    "cut-off": (
        "an array cut off in the middle",
        "np.save('squares.npy', np.arange(10) ** 2)\n"
        "data = open('squares.npy', 'rb').read()\n"
        "open('squares.npy', 'wb').write(data[:-8])",
    ),
    "zip-bomb": (
        "an archive that unpacks to gigabytes",
        "import zipfile\n"
        "with zipfile.ZipFile('squares.npy', 'w', zipfile.ZIP_DEFLATED) as room:\n"
        "    with room.open('arr_0.npy', 'w', force_zip64=True) as out:\n"
        "        for _ in range(200):\n            out.write(bytes(1 << 20))",
    ),
    "safetensors-lying": (
        "a safetensors header that claims more than there is",
        "import json\n"
        "header = json.dumps({'x': {'dtype': 'I64', 'shape': [10**9], "
        "'data_offsets': [0, 8 * 10**9]}}).encode()\n"
        "open('squares.npy', 'wb').write(len(header).to_bytes(8, 'little') + header)",
    ),
    "link-to-the-host": (
        "a link to a file of the host",
        "import os\nos.symlink('@OUTSIDE@/canary.txt', 'squares.npy')",
    ),
    "link-to-the-reference": (
        "a link to the instructor's folder",
        "import os\nos.symlink('@COURSE@/source', 'squares.npy')",
    ),
    "a-pipe": ("a pipe", "import os\nos.mkfifo('squares.npy')"),
    "a-device": (
        "an endless device",
        "import os\nos.symlink('/dev/zero', 'squares.npy')",
    ),
    "a-folder": ("a folder", "import os\nos.mkdir('squares.npy')"),
    "a-process-file": (
        "a link into /proc",
        "import os\nos.symlink('/proc/self/environ', 'squares.npy')",
    ),
    "missing": ("no file at all", "pass"),
    "too-big": (
        "an array over the cap",
        "np.save('squares.npy', np.zeros(30_000_000))",
    ),
    "empty-array": (
        "an array of nothing",
        "np.save('squares.npy', np.empty((10, 0)))",
    ),
    "structured": (
        "a structured array",
        "np.save('squares.npy', np.zeros(10, dtype=[('a', 'i8')]))",
    ),
}
FILES = [
    Case(
        f"file-{name}",
        f"The file handed in is {what}.",
        answers={"p8-file": f"{source}\nsquares_file = 'squares.npy'\n"},
        loses=("p8-squares",),
    )
    for name, (what, source) in WRITERS.items()
]


def pickles(folder: Path, world: World) -> None:
    """Pickles under every name that some loader opens, beside an honest notebook."""
    import pickle

    class Evil:
        def __reduce__(self):
            path = f"{world.names['OUTSIDE']}/escaped"
            return (exec, (f"open({path!r}, 'w').write('x')",))

    for name in ("squares.npy", "x.pkl", "x.pt", "x.joblib", "x.npz", "x.h5"):
        (folder / name).write_bytes(pickle.dumps(Evil()))


HANDED_IN = [
    Case(
        "pickles-beside",
        "Pickles lie beside an honest notebook, one under the artefact's own name.",
        lay=pickles,
    ),
    Case(
        "pickle-instead",
        "A pickle is handed in and the cell that would write the file does nothing.",
        answers={"p8-file": "squares_file = 'squares.npy'\n"},
        lay=pickles,
        loses=("p8-squares",),
    ),
]

CASES = [*FILES, *HANDED_IN]
