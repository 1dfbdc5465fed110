"""The hold-out: which rows of a training set are never fitted on."""

import hashlib
from collections.abc import Sequence
from datetime import date

from pyspark.sql import Column
from pyspark.sql import functions as F

from mlops_dagster.engine.identifiers import quote
from mlops_dagster.errors import SpecError, TrainingRefused
from mlops_dagster.features.columns import EVENT_TIME, HOLDOUT_GROUP, ROW_WINDOW
from mlops_dagster.spec.models import Holdout
from mlops_dagster.tables.instants import local_date

FIT = "fit"
HOLDOUT = "holdout"

# Shares are compared as whole numbers out of this, so that a share means the same on every engine.
_PARTS = 1_000_000
# As many hexadecimal digits of a hash as a bigint holds without a sign.
_DIGITS = 15


def split_column(
    holdout: Holdout, *, windows: Sequence[str], features: Sequence[str], time_zone: str
) -> Column:
    """Return the column `fit` or `holdout` of a training set's rows.

    `by: day, every: n` holds out each day whose number since 1970-01-01 is a multiple of n, in the
    use case's time zone: all trainings hold out the same days. `last: n` holds out the last n
    windows. `share` goes by a hash of the features: rows that look the same fall on one side. With
    `group` it goes by a hash of the group's text (`is_held_out_group`): rows of one group fall on
    one side, the same in every training, whatever other rows or features there are.

    Args:
        holdout: What the use case says.
        windows: Windows of the training set, oldest first.
        features: Names of the feature columns.
        time_zone: Where days begin.

    Raises:
        SpecError: The hold-out is none of the four forms.
        TrainingRefused: It would leave nothing to fit on.
    """
    if holdout.every is not None:
        day = F.unix_date(local_date(F.col(EVENT_TIME), time_zone))
        held_out = F.pmod(day, F.lit(holdout.every)) == 0
    elif holdout.last is not None:
        held_out = F.col(ROW_WINDOW).isin(list(held_out_windows(windows, holdout.last.count)))
    elif holdout.share is not None and holdout.group is not None:
        digits = F.substring(F.sha2(F.col(HOLDOUT_GROUP), 256), 1, _DIGITS)
        number = F.conv(digits, 16, 10).cast("bigint")
        held_out = number % F.lit(_PARTS) < F.lit(_parts_of(holdout.share))
    elif holdout.share is not None:
        content = F.xxhash64(*(F.col(quote(name)) for name in sorted(features)))
        held_out = F.pmod(content, F.lit(_PARTS)) < F.lit(_parts_of(holdout.share))
    else:
        raise SpecError("holdout needs one of (by, every), last, share")
    return F.when(held_out, F.lit(HOLDOUT)).otherwise(F.lit(FIT))


def is_held_out_day(day: date, every: int) -> bool:
    """Tell whether `by: day, every: n` holds out the rows of a day."""
    return (day - date(1970, 1, 1)).days % every == 0


def is_held_out_group(group: str, share: float) -> bool:
    """Tell whether `share` with `group` holds out the rows of a group, given as Spark's text of it.

    The first 15 hexadecimal digits of the text's SHA-256, as a number modulo 1,000,000, lie below
    the share of 1,000,000: anybody can compute it again, and it depends on nothing else.
    """
    number = int(hashlib.sha256(group.encode()).hexdigest()[:_DIGITS], 16)
    return number % _PARTS < _parts_of(share)


def _parts_of(share: float) -> int:
    return round(share * _PARTS)


def held_out_windows(windows: Sequence[str], last: int) -> tuple[str, ...]:
    """Return the last windows of a training set.

    Raises:
        TrainingRefused: No window would be left to fit on.
    """
    if not 0 < last < len(windows):
        raise TrainingRefused(
            "the hold-out leaves no window to fit on",
            expected=f"more than {last} windows in the training set",
            found=str(len(windows)),
            next_step="Raise train.at_least above holdout.last.",
        )
    return tuple(windows[-last:])
