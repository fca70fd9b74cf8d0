"""When a run stops before its last step: a signal, the clock, a number that is not finite."""

from __future__ import annotations

import math
import signal
import threading
import time
from types import FrameType, TracebackType

from vgan_tutorial.training.config import TrainingConfig
from vgan_tutorial.training.processes import ProcessLostError, any_process, process_count

# SIGHUP comes when a terminal closes, such as that of a connection that was cut.
SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)
# Seconds in which a signal that comes again is the same one. A batch system tells the workers and
# their launcher to stop, and the launcher tells the workers again.
ECHO = 5.0


class Stopper:
    """Says when to stop. Inside `with`, `SIGNALS` only raise a flag, so that a run can save.

    A second signal is obeyed at once if it comes more than `ECHO` seconds after the first: sooner,
    it is taken for the first one, passed on by a launcher. When the block ends and a signal had
    come, it is sent again and does what it always does.

    Args:
        config: how often processes ask each other.
        seconds: time that the run may take, or None.
        catch: whether to catch signals; only the main thread of a program can.
    """

    def __init__(self, config: TrainingConfig, seconds: int | float | None, catch: bool) -> None:
        self.config = config
        self.began = time.perf_counter()
        self.end = math.inf if seconds is None else self.began + seconds
        self.catch = catch and threading.current_thread() is threading.main_thread()
        self.signal: signal.Signals | None = None
        self.noted = math.inf  # when it came

    def __enter__(self) -> Stopper:
        if self.catch:
            self.before = {
                number: signal.signal(number, self._note)
                for number in SIGNALS
                if signal.getsignal(number) != signal.SIG_IGN  # as under `nohup`
            }
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # Whoever lost another process is about to be sent SIGTERM by the launcher, but shall say
        # first what has happened. So the flag still takes that signal; a second one is obeyed.
        if self.catch and not isinstance(error, ProcessLostError):
            self._restore()
        if self.signal is not None and error is None:
            signal.raise_signal(self.signal)

    @property
    def elapsed(self) -> float:
        """Seconds since the start."""
        return time.perf_counter() - self.began

    def after(self, step: int) -> bool:
        """Whether the run ends with this step.

        Several processes must end with the same step, or some would wait for the others for ever.
        They ask each other at the log's steps, where they wait anyway.
        """
        wanted = self.signal is not None or time.perf_counter() >= self.end
        if process_count() > 1:
            wanted = step % self.config.log_every == 0 and any_process(wanted)
        return wanted or step >= self.config.steps

    def _note(self, number: int, frame: FrameType | None) -> None:
        now = time.perf_counter()
        if self.signal is None:
            self.signal, self.noted = signal.Signals(number), now
        elif now - self.noted > ECHO:
            self._restore()
            signal.raise_signal(number)

    def _restore(self) -> None:
        for number, handler in self.before.items():
            signal.signal(number, handler)
