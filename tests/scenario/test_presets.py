import importlib.resources
import pickle

import numpy as np
import pytest

from jobsim.scenario.presets import UnknownPresetError, preset, presets
from jobsim.scenario.workload import Workload


def test_every_preset_file_is_listed_with_a_sentence_of_why():
    folder = importlib.resources.files("jobsim.scenario") / "preset_files"
    assert {f"{name}.toml" for name in presets()} == {file.name for file in folder.iterdir()}
    assert all(why.endswith(".") and len(why) > 20 for why in presets().values())


def test_the_promised_presets_are_there():
    promised = {"steady", "stampede", "bursty", "unpaid", "duplicate-payments", "overload"}
    promised |= {"busy-hour", "lost-webhooks", "block-time-payments"}
    promised |= {"retry-storm", "stuck-jobs", "impatient-reaper", "closed-loop", "outage"}
    assert promised <= presets().keys()


@pytest.mark.parametrize("name", presets())
def test_a_preset_has_its_name_and_a_handy_number_of_jobs(name):
    scenario = preset(name)
    assert scenario.name == name
    assert 300 <= Workload.sample(scenario).requests <= 2000
    assert 2 <= scenario.clients <= 4


def test_the_presets_show_what_they_promise():
    assert preset("steady").offered_load < preset("steady").workers
    assert preset("overload").offered_load > preset("overload").workers
    assert preset("unpaid").payment.abandon > 0.0
    assert preset("duplicate-payments").payment.duplicate > 0.0
    assert preset("bursty").arrivals.kind == "bursts"
    assert preset("stampede").arrivals.kind == "stampede"
    assert preset("lost-webhooks").payment.lost > 0.0
    assert preset("block-time-payments").payment.delay.kind == "sum"


def test_the_busy_hour_is_too_much_for_workers_who_do_for_the_day():
    day = preset("busy-hour")
    assert day.offered_load < day.workers < day.arrivals.peak_rate * day.work.service.mean


def test_block_times_lie_where_they_were_observed_and_a_deadline_cuts_them_off():
    payment = preset("block-time-payments").payment
    assert 107.0 < payment.delay.mean < 141.0
    share_unpaid = np.isnan(Workload.sample(preset("block-time-payments")).delay).mean()
    assert 0.02 < share_unpaid < 0.2


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("stedy", "There is no preset 'stedy'; did you mean 'steady'? There are: steady,"),
        ("??", "There is no preset '??'. There are: steady,"),
    ],
)
def test_an_unknown_preset_is_an_error_with_the_choices(name, text):
    with pytest.raises(UnknownPresetError) as caught:
        preset(name)
    assert str(caught.value).startswith(text)
    assert isinstance(caught.value, ValueError)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)  # noqa: S301
