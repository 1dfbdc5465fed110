"""From which size on a change matters: the defaults, each with its source.

A change needs both: it is more than noise (`false_discovery_rate`) and it is big (the floors). At a
million rows a shift of a hundredth of a standard deviation has a p-value below 1e-10 and no
meaning.
"""

from mlops_dagster.monitoring.payload import Payload


class Thresholds(Payload):
    """Floors of effects and of faults; the field defaults are the documented ones.

    Args:
        ks: Kolmogorov-Smirnov distance of a numeric column. 0.05 is a shift of 0.125 standard
            deviations of a normal column: the smallest that is called small (Cohen 1988 begins at
            0.2, which is 0.08).
        ks_critical: 0.2 is half a standard deviation, Cohen's medium; also the limit at which
            Deepchecks fails its univariate check.
        tv: Total variation of a categorical column beyond what noise gives: 5 % of the rows would
            have to change their value.
        tv_critical: As `ks_critical`: 20 % of the rows.
        missing: Change of the missing share, 2 points.
        missing_critical: 10 points.
        unseen: Mass of values that the reference never held beyond the expected, 1 %.
        unseen_critical: 10 %.
        false_discovery_rate: Of the changes called real, this share is expected not to be
            (Benjamini and Hochberg 1995), over all columns, slices and kinds of change.
        minimum_values: Fewer values than this on a side decide nothing.
        used_importance: Share of the model's importance below which a column is not used: it
            cannot move predictions much, so its drift is at most info.
        relied_importance: A tenth of the model's importance. A single column below it is never
            critical, and drifted columns below it together do not count toward a retraining. On
            flights every window's month and temperature are new to a model of January to March,
            which rests on them for 4 %; one of January to June rests on them for 11 %.
        missing_break: A column loses 20 points of its values at once: that is a broken feed, not
            the world.
        mostly_missing: Columns missing this often in the reference come and go with the season;
            they only break when they vanish.
        vanished: Missing share at which a column has vanished.
        unseen_break: 20 % never-seen values: another spelling or another code list. New categories
            of a living world come in smaller doses, and training is what they need.
        infinite_break: 1 % infinities where the reference had none.
        volume_low: Rows below half of a usual window: part of the delivery is absent.
        volume_high: Rows above twice a usual window: something was delivered twice.
        break_p_value: A break must also be more than noise.
    """

    ks: float = 0.05
    ks_critical: float = 0.2
    tv: float = 0.05
    tv_critical: float = 0.2
    missing: float = 0.02
    missing_critical: float = 0.1
    unseen: float = 0.01
    unseen_critical: float = 0.1
    false_discovery_rate: float = 0.05
    minimum_values: int = 50
    used_importance: float = 0.01
    relied_importance: float = 0.1
    missing_break: float = 0.2
    mostly_missing: float = 0.5
    vanished: float = 0.99
    unseen_break: float = 0.2
    infinite_break: float = 0.01
    volume_low: float = 0.5
    volume_high: float = 2.0
    break_p_value: float = 0.001


DEFAULT_THRESHOLDS = Thresholds()
