"""When a run ends before its last step, and what a signal does then."""

import signal

import pytest

from tests.support.mini import CONFIG, change, run
from tests.support.states import assert_same_state
from vgan_tutorial.training import ProcessLostError, load_checkpoint, stopping
from vgan_tutorial.training.stopping import SIGNALS, Stopper


def test_a_time_budget_ends_the_run_with_a_log_line_and_a_checkpoint(tmp_path):
    config = change(steps=10_000, log_every=5000, checkpoint_every=5000)
    state, log = run(config, tmp_path, seconds=0.3)
    assert 0 < state.step < 10_000
    assert log[-1]["step"] == state.step
    assert load_checkpoint(tmp_path / "checkpoint.pt")[0].step == state.step


@pytest.fixture
def listening():
    """Ctrl-C does what it does in a program; a shell's background jobs ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("listening")
def test_an_interrupt_saves_after_the_step_and_then_does_what_it_always_does(tmp_path, capsys):
    before = signal.getsignal(signal.SIGINT)

    def interrupt(state):
        if state.step == 2:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        run(CONFIG, tmp_path, on_step=interrupt)
    assert signal.getsignal(signal.SIGINT) is before
    assert "stopped by SIGINT after step 3" in capsys.readouterr().out
    assert load_checkpoint(tmp_path / "checkpoint.pt")[0].step == 3
    state, _ = run(CONFIG, tmp_path)
    assert_same_state(state, run(CONFIG)[0])


@pytest.mark.usefixtures("listening")
@pytest.mark.parametrize("echo", [60.0, 0.0])
def test_a_signal_that_comes_again_is_obeyed_at_once_unless_it_is_an_echo(
    echo, tmp_path, monkeypatch
):
    monkeypatch.setattr(stopping, "ECHO", echo)

    def interrupt(state):
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        run(change(checkpoint_every=100), tmp_path, on_step=interrupt)
    assert (tmp_path / "checkpoint.pt").exists() is bool(echo)


def test_who_lost_another_process_says_so_before_the_launchers_signal_ends_it(
    listening, monkeypatch
):
    monkeypatch.setattr(stopping, "ECHO", 0.0)
    before = {number: signal.getsignal(number) for number in SIGNALS}
    try:
        with pytest.raises(ProcessLostError), Stopper(CONFIG, None, catch=True) as stopper:
            raise ProcessLostError
        signal.raise_signal(signal.SIGTERM)  # it would end the tests
        assert stopper.signal == signal.SIGTERM
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
