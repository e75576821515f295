"""A process that runs notebooks with papermill, one after the other.

It lives for several lessons, because importing papermill costs a second or two. It
talks in lines of JSON: a request on standard input, events on what was its standard
output. When its standard input closes (the parent is gone, however it went), it kills
the kernel it started and ends, so that no kernel is left behind.
"""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
import traceback
from pathlib import Path
from typing import Any, TextIO

TRACE = "AULAC_TRACE"
TRACE_ID = "aulac-trace"
# Run last in the kernel: which files were imported, how much memory was used.
TRACE_CODE = f"""
def _aulac_trace():
    import json, os, sys
    try:
        import resource
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    except ImportError:
        peak = 0
    files = {{getattr(m, "__file__", None) or "" for m in list(sys.modules.values())}}
    with open(os.environ["{TRACE}"], "w") as file:
        json.dump({{"files": sorted(files), "peak_kb": peak}}, file)
_aulac_trace()
del _aulac_trace
"""


def main() -> None:
    """Serve requests until standard input closes."""
    say = _private_output()
    requests: queue.Queue[dict[str, Any]] = queue.Queue()
    threading.Thread(target=_listen, args=(requests,), daemon=True).start()
    # jsonschema would compile 38 grammars of this package, two seconds, to check
    # formats that no notebook has; with None here it goes without.
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
    import papermill  # noqa: F401  (about a second: before the first request comes)

    say({"event": "ready"})
    while True:
        request = requests.get()
        say({"event": "begin"})
        try:
            say({"event": "done", **_run(request, say)})
        except (
            Exception
        ) as error:  # a fault of ours must not look like a lesson's
            say(
                {
                    "event": "done",
                    "ok": False,
                    "cell": None,
                    "error": f"{type(error).__name__}: {error}",
                    "traceback": traceback.format_exc(),
                }
            )


def _private_output() -> Any:
    """Keep standard output for events; what anybody prints goes to the log."""
    stream: TextIO = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    lock = threading.Lock()

    def say(event: dict[str, Any]) -> None:
        with lock:
            stream.write(json.dumps(event) + "\n")
            stream.flush()

    return say


def _listen(requests: queue.Queue[dict[str, Any]]) -> None:
    for line in sys.stdin:
        requests.put(json.loads(line))
    kill_children(os.getpid())
    os._exit(0)


def kill_children(pid: int) -> None:
    """Kill every process below `pid`."""
    import psutil

    try:
        children = psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return
    for child in children:
        try:
            child.kill()
        except psutil.NoSuchProcess:
            continue


def _run(request: dict[str, Any], say: Any) -> dict[str, Any]:
    """Run one notebook; where it fails, say in which cell and why."""
    import papermill
    from nbclient.exceptions import DeadKernelError
    from papermill.exceptions import PapermillExecutionError

    _register_engine(say)
    before = dict(os.environ)
    os.environ.update(request["environment"])
    for name in request["forget"]:
        os.environ.pop(name, None)
    try:
        papermill.execute_notebook(
            request["input"],
            request["output"],
            parameters=request["parameters"],
            engine_name="aulac",
            kernel_name="python3",
            cwd=request["cwd"],
            progress_bar=False,
            start_timeout=120,
            store_widget_state=False,
        )
    except PapermillExecutionError as error:
        return {
            "ok": False,
            "cell": _failed(Path(request["output"])),
            "error": f"{error.ename}: {error.evalue}",
            "traceback": "\n".join(error.traceback),
        }
    except DeadKernelError:
        text = "the kernel died (killed by the system, often for memory)"
        return {"ok": False, "cell": None, "error": text, "traceback": ""}
    finally:
        os.environ.clear()
        os.environ.update(before)
    return {"ok": True}


def _failed(output: Path) -> str | None:
    """The id of the cell papermill stopped in."""
    notebook = json.loads(output.read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        if cell["metadata"].get("papermill", {}).get("status") == "failed":
            return str(cell.get("id"))
    return None


def _register_engine(say: Any) -> None:
    """papermill's own engine, telling which cell it begins."""
    from papermill.engines import NBClientEngine, papermill_engines

    class Telling(NBClientEngine):
        @classmethod
        def execute_managed_notebook(
            cls, nb_man: Any, kernel_name: str, **kwargs: Any
        ) -> Any:
            begin = nb_man.cell_start
            total = len(nb_man.nb.cells)

            def cell_start(
                cell: Any, cell_index: int | None = None, **more: Any
            ) -> Any:
                index = cell_index or 0
                say(
                    {
                        "event": "cell",
                        "id": cell.get("id"),
                        "index": index,
                        "total": total,
                    }
                )
                return begin(cell, cell_index, **more)

            nb_man.cell_start = cell_start
            return super().execute_managed_notebook(
                nb_man, kernel_name, **kwargs
            )

    papermill_engines.register("aulac", Telling)


if __name__ == "__main__":
    main()
