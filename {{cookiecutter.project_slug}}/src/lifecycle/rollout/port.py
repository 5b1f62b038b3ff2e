"""The port of an environment: its socket is kept by a process of its own, `listening.py hold`."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil

from lifecycle.contract.errors import StageError
from lifecycle.core import listening, marks
from lifecycle.serving.socket_path import reach

START_SECONDS, ANSWER_SECONDS = 10.0, 2.0


class Port:
    """A host and port that an environment, whose state is in `folder`, listens on."""

    def __init__(self, folder: Path, host: str, port: int) -> None:
        """Keep which it is; nothing is opened yet."""
        self.folder, self.host, self.port = folder.resolve(), host, port
        self._door = self.folder / listening.HOLDER

    def ensure(self) -> bool:
        """Let the holder keep the port's socket; return whether that is another than before.

        The one above it, for metrics, has to be free as well.

        Raises:
            StageError: somebody else has the port.
        """
        for host, port in ((self.host, self.port), ("127.0.0.1", self.port + 1)):
            self._require(host, port)
        if not self._answers():
            self._start()
        said, held = listening.ask(reach(self._door), self.host, self.port)
        if held is None:
            raise self._refusal(self.host, self.port, said["error"])
        held.close()
        return bool(said["is_new"])

    def _require(self, host: str, port: int) -> None:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError as error:
                if port not in marks.listened(marks.processes(self.folder)):
                    reason = os.strerror(error.errno or 0)
                    raise self._refusal(host, port, reason) from None

    def _refusal(self, host: str, port: int, reason: str) -> StageError:
        name = self.folder.name
        return StageError(
            f"cannot listen on {host}:{port} ({reason}): change serve.host or serve.ports.{name} "
            "in params.yaml, or stop the program that has it (requests have that port, metrics "
            "the one above it)"
        )

    def _answers(self) -> bool:
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(ANSWER_SECONDS)
                connection.connect(reach(self._door))
                # What is no question is answered by hanging up.
                connection.sendall(b"\n")
                return connection.recv(1) == b""
        except OSError:
            return False

    def _start(self) -> None:
        """Start the holder; one whose socket was removed makes it anew.

        Raises:
            StageError: it does not come up; its last words.
        """
        for one in marks.processes(self.folder):
            if marks.is_holder(one):
                # One that was stopped answers nobody, and takes no signal but this one.
                if one.status() == psutil.STATUS_STOPPED:
                    print("the holder of the port was stopped: another one takes over", flush=True)
                    marks.kill(one)
                    continue
                one.send_signal(signal.SIGHUP)
                if self._comes(one):
                    return
                marks.end([one])
        log = self.folder / "logs" / "holder.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        mode = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        with os.fdopen(os.open(log, mode, 0o600), "wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-I", "-S", Path(listening.__file__).resolve(), "hold"],
                cwd=self.folder, env={marks.MARK: str(self.folder)},
                stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True,
            )  # fmt: skip
        if not self._comes(psutil.Process(process.pid)):
            said = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-1:]
            raise StageError(f"the holder of the port did not start: {' '.join(said)} (see {log})")

    def _comes(self, one: psutil.Process) -> bool:
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            gone = not one.is_running() or one.status() == psutil.STATUS_ZOMBIE
            if gone or one.status() == psutil.STATUS_STOPPED or time.monotonic() > deadline:
                return False
            time.sleep(0.01)
        return True
