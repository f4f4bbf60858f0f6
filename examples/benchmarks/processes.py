"""Child processes of the benchmarks, and how much memory processes hold.

What could leak into another measurement (compiled networks, memory, the backend of Keras) runs in
a fresh process: ``python processes.py MODULE`` does the tasks of a benchmark's dictionary `TASKS`.
"""

import importlib
import json
import os
import subprocess
import sys
import tempfile
import threading
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

FOLDER = Path(__file__).parent


class Worker:
    """A fresh process that does the tasks of a benchmark; call it with a task's name and options.

    Parameters
    ----------
    module : str
        Name of the benchmark.
    backend : str, default="tensorflow"
        Backend of Keras in that process.
    """

    def __init__(self, module, backend="tensorflow"):
        self.log = tempfile.TemporaryFile("w+")  # noqa: SIM115, closed in __exit__
        settings = {"TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONWARNINGS": "ignore"}
        self.process = subprocess.Popen(
            [sys.executable, __file__, module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log,
            text=True,
            env=os.environ | settings | {"KERAS_BACKEND": backend},
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()
        self.log.close()

    @property
    def pid(self):
        """Id of the process."""
        return self.process.pid

    def __call__(self, task, **options):
        """Do a task; options and result travel as JSON."""
        print(json.dumps({"task": task, **options}), file=self.process.stdin, flush=True)
        line = self.process.stdout.readline()
        if not line:
            self.log.seek(0)
            raise RuntimeError(f"{task} failed: {self.log.read()[-3000:]}")
        return json.loads(line)


class SameProcess:
    """The interface of `Worker` in this process, for quick runs."""

    pid = os.getpid()

    def __init__(self, module, backend="tensorflow"):
        self.tasks = importlib.import_module(module).TASKS

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def __call__(self, task, **options):
        """Do a task."""
        return self.tasks[task](**options)


def serve(module):
    """Do the tasks that arrive on standard input, a line of JSON each."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # What a task prints goes to the log.
    tasks = importlib.import_module(module).TASKS
    for line in sys.stdin:
        options = json.loads(line)
        answer = tasks[options.pop("task")](**options)
        print(json.dumps(answer), file=answers, flush=True)


def run_python(code, *arguments):
    """Run a piece of code in a fresh interpreter that can import the benchmarks.

    Returns
    -------
    str
        What it prints. subprocess.CalledProcessError is raised if it fails.
    """
    command = [sys.executable, "-c", code, *map(str, arguments)]
    options = {"cwd": FOLDER, "capture_output": True, "text": True, "check": True}
    return subprocess.run(command, **options).stdout


def memory_of_this_process(kind="VmRSS"):
    """MB that this process holds (VmRSS) or has held at most (VmHWM), on Linux; None elsewhere."""
    status = Path("/proc/self/status")
    if not status.exists():
        return None
    return int(status.read_text().split(f"{kind}:")[1].split()[0]) * 1024 / 1e6


def memory_of(pid, kind):
    """MB that a process and its children hold.

    Parameters
    ----------
    pid : int
    kind : {"pss", "uss"}
        Of what processes share, the part of each (pss), or only what is not shared (uss). Where
        the system does not tell it, everything counts for each.
    """
    total = 0.0
    with suppress(psutil.Error):
        process = psutil.Process(pid)
        for one in (process, *process.children(recursive=True)):
            with suppress(psutil.Error):
                memory = one.memory_full_info()
                total += getattr(memory, kind, memory.rss) / 1e6
    return total


@contextmanager
def watched_memory(pid, kind="pss", interval=0.1):
    """Give a list that fills with the memory (MB) of a process and its children."""
    held, done = [memory_of(pid, kind)], threading.Event()

    def watch():
        while not done.wait(interval):
            held.append(memory_of(pid, kind))

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield held
    finally:
        done.set()
        thread.join()


if __name__ == "__main__":
    serve(sys.argv[1])
