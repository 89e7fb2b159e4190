import numpy as np

from jobsim.scenario.ticks import BLOCK, TICKS_PER_SECOND, blocks, round_in_place, to_ticks


def test_times_are_rounded_to_the_nearest_tick_half_to_even():
    tick = 1.0 / TICKS_PER_SECOND
    times = np.array([0.4, 0.5, 0.6, 1.5, 2.5]) * tick
    assert (to_ticks(times) / tick).tolist() == [0.0, 0.0, 1.0, 2.0, 2.0]


def test_nan_stays_nan_and_the_argument_stays_as_it_is():
    times = np.array([0.1, np.nan])
    rounded = to_ticks(times)
    assert np.isnan(rounded).tolist() == [False, True]
    assert times[0] == 0.1


def test_any_shape_and_layout_can_be_rounded():
    times = np.arange(12.0).reshape(3, 4)[:, ::2] / 7.0
    assert to_ticks(times).tolist() == (np.rint(times * 2**20) / 2**20).tolist()


def test_rounding_in_place_gives_back_the_same_array():
    times = np.full(BLOCK + 1, 0.1)
    assert round_in_place(times) is times
    assert (times == to_ticks(np.full(1, 0.1))[0]).all()


def test_blocks_are_views_that_cover_everything_once():
    array = np.zeros(2 * BLOCK + 3)
    sizes = []
    for block in blocks(array):
        block += 1.0
        sizes.append(len(block))
    assert sizes == [BLOCK, BLOCK, 3]
    assert (array == 1.0).all()
