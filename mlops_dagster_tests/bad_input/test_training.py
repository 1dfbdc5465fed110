"""Training sets that cannot give a model, or give one with less than was asked for."""

import numpy as np
import pytest

from mlops_dagster.errors import TrainingRefused
from mlops_dagster.training.train import train_model
from mlops_dagster_tests.bad_input.training_faults import TRAINING_FAULTS, TrainingFault
from mlops_dagster_tests.training.worlds import FEATURES, a_model, a_training_set

REFUSED = [fault for fault in TRAINING_FAULTS if fault.says is not None]


@pytest.mark.parametrize("fault", REFUSED, ids=lambda fault: fault.name)
def test_a_training_set_without_a_model_in_it_is_refused_with_place_and_cure(
    fault: TrainingFault,
) -> None:
    frame = fault.change(a_training_set(fault.task, rows=200))
    with pytest.raises(TrainingRefused) as refused:
        train_model(frame, model=a_model(fault.task), features=FEATURES)
    told = str(refused.value)
    assert told.startswith("model shop.buys: ")
    assert fault.says is not None
    assert fault.says in told
    assert refused.value.next_step is not None


@pytest.mark.parametrize(
    "fault", [f for f in TRAINING_FAULTS if f.says is None], ids=lambda fault: fault.name
)
def test_a_training_set_with_less_than_all_gives_a_model_of_the_rest(fault: TrainingFault) -> None:
    frame = fault.change(a_training_set(fault.task, rows=200))
    trained = train_model(frame, model=a_model(fault.task), features=FEATURES)
    assert trained.dropped_features == fault.dropped
    assert fault.warns in " ".join(trained.evaluation.warnings)
    assert np.isfinite(trained.outcome.predicted).all()
    strange = frame.assign(city="a city that nobody knew", amount=1e300)
    predicted = trained.fitted.predict(strange)
    assert np.isfinite(predicted["score"].to_numpy()).all()
