"""Signals that tell a run to end."""

import signal
from collections.abc import Iterator

import pytest

from scenarios.signals import heed_signals

SIGNALS = (signal.SIGTERM, signal.SIGHUP)


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    handlers = [signal.getsignal(each) for each in SIGNALS]
    yield
    for each, handler in zip(SIGNALS, handlers, strict=True):
        signal.signal(each, handler)


@pytest.mark.parametrize("each", SIGNALS)
def test_a_signal_interrupts_as_ctrl_c_does(each: signal.Signals) -> None:
    signal.signal(each, signal.SIG_DFL)  # as Ray leaves it: the process would be gone

    heed_signals()

    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(each)


@pytest.mark.parametrize("again", SIGNALS)
def test_a_signal_that_is_said_again_does_not_interrupt_the_orderly_end(
    again: signal.Signals,
) -> None:
    heed_signals()
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGTERM)

    signal.raise_signal(again)  # would end the test

    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def test_a_signal_that_is_ignored_stays_so() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # nohup

    heed_signals()

    assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
