"""How sure is a Sharpe ratio? Probabilistic and deflated Sharpe ratios, minimum track record.

All Sharpe ratios here are *per observation*, not annualised: divide an annual one by the square
root of observations a year, and a variance of annual ones by observations a year.
"""

from math import e, isfinite, sqrt
from statistics import NormalDist
from typing import Final

EULER: Final = 0.5772156649015329
_NORMAL: Final = NormalDist()


def sharpe_deviation(sharpe: float, n: int, skew: float, kurtosis: float) -> float | None:
    """Standard error of an estimated Sharpe ratio, for returns that need not be normal.

    n         observations
    kurtosis  not excess: 3 for normal returns
    ->        sqrt((1 - skew * SR + (kurtosis - 1) / 4 * SR^2) / (n - 1)); None if n < 2 or the
              moments do not belong together (the square is not positive)
    source    Bailey, Lopez de Prado, "The Sharpe Ratio Efficient Frontier", J. of Risk 15(2), 2012
    """
    square = 1.0 - skew * sharpe + (kurtosis - 1.0) / 4.0 * sharpe * sharpe
    if n < 2 or not isfinite(square) or square <= 0.0:
        return None
    return sqrt(square / (n - 1))


def probabilistic_sharpe(
    sharpe: float, n: int, skew: float = 0.0, kurtosis: float = 3.0, benchmark: float = 0.0
) -> float | None:
    """Probability that the true Sharpe ratio is above `benchmark`.

    ->      Phi((SR - benchmark) / deviation), see `sharpe_deviation`; None where that is None
    source  Bailey, Lopez de Prado (2012), eq. 11
    """
    deviation = sharpe_deviation(sharpe, n, skew, kurtosis)
    return None if deviation is None else _NORMAL.cdf((sharpe - benchmark) / deviation)


def expected_maximum_sharpe(trials: int, variance: float) -> float:
    """Sharpe ratio that the best of `trials` worthless strategies is expected to show.

    trials    independent trials, >= 1; one trial has nothing to choose: 0
    variance  of the Sharpe ratios across trials
    ->        sqrt(variance) * ((1 - g) * Z(1 - 1/N) + g * Z(1 - 1/(N e))), g Euler's constant, Z
              the quantile of the normal distribution
    raises    ValueError if trials < 1 or variance < 0
    source    Bailey, Lopez de Prado, "The Deflated Sharpe Ratio", J. of Portfolio Management 40(5),
              2014, eq. 1
    """
    if trials < 1 or not variance >= 0.0:
        raise ValueError(f"{trials} trials with variance {variance}: 1 trial, variance 0 at least")
    if trials == 1:
        return 0.0
    z = (1.0 - EULER) * _NORMAL.inv_cdf(1.0 - 1.0 / trials)
    z += EULER * _NORMAL.inv_cdf(1.0 - 1.0 / (trials * e))
    return sqrt(variance) * z


def deflated_sharpe(
    sharpe: float, n: int, trials: int, variance: float, skew: float = 0.0, kurtosis: float = 3.0
) -> float | None:
    """Probability that the best of many trials is better than luck.

    sharpe    of the best trial, per observation
    n         observations in each trial
    trials    how many were tried; correlated ones count in full, which errs on the safe side
    variance  of the trials' Sharpe ratios, per observation
    ->        `probabilistic_sharpe` against `expected_maximum_sharpe`; above 0.95 is significant
    raises    ValueError if trials < 1 or variance < 0
    source    Bailey, Lopez de Prado (2014), eq. 2
    """
    hurdle = expected_maximum_sharpe(trials, variance)
    return probabilistic_sharpe(sharpe, n, skew, kurtosis, hurdle)


def minimum_track_record(
    sharpe: float, benchmark: float = 0.0, skew: float = 0.0, kurtosis: float = 3.0,
    confidence: float = 0.95,
) -> float | None:  # fmt: skip
    """Observations needed to say with `confidence` that the Sharpe ratio is above `benchmark`.

    ->      1 + (1 - skew * SR + (kurtosis - 1) / 4 * SR^2) * (Z / (SR - benchmark))^2; None if the
            ratio is not above the benchmark: no number of observations would do
    source  Bailey, Lopez de Prado (2012), eq. 13
    """
    deviation = sharpe_deviation(sharpe, 2, skew, kurtosis)
    if deviation is None or sharpe <= benchmark:
        return None
    return 1.0 + (deviation * _NORMAL.inv_cdf(confidence) / (sharpe - benchmark)) ** 2
