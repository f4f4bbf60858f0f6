"""Counter-based random numbers: one independent stream per event, reached in any order."""

import numpy as np

# Word 3 of the counter keeps the draws of the simulator and of `make_events` apart, so that
# the same seed in both gives independent numbers. Word 1 does so for the kinds of numbers of
# one event: its normal numbers stay the same when a part needs one uniform number more.
_SIMULATION, _EVENT_TABLE = 0, 1
_UNIFORM, _NORMAL = 0, 1


def _philox(seed):
    key = np.random.SeedSequence(seed).generate_state(2, np.uint64)
    return np.random.Philox(key=key)


def event_draws(seed, event_ids, n_uniform, n_normal):
    """Draw the random numbers of some events, each from the stream of its own id.

    The counter of a Philox generator (Salmon et al. 2011, DOI 10.1145/2063384.2063405) is set
    to the event's id, so an event's numbers depend on ``seed`` and on that id alone.

    Parameters
    ----------
    seed : int
    event_ids : ndarray of shape (n_events,), integer
    n_uniform, n_normal : int
        How many numbers of each kind an event needs.

    Returns
    -------
    uniform : ndarray of shape (n_events, n_uniform), float64
        Uniform on [0, 1).
    normal : ndarray of shape (n_events, n_normal), float32
        Standard normal.
    """
    uniform = np.empty((len(event_ids), n_uniform))
    normal = np.empty((len(event_ids), n_normal), dtype=np.float32)
    bit_generator = _philox(seed)
    generator = np.random.Generator(bit_generator)
    state = bit_generator.state
    counter = state["state"]["counter"]
    counter[:] = [0, _UNIFORM, 0, _SIMULATION]
    if n_uniform:
        for event_id, row in zip(event_ids, uniform, strict=True):
            counter[2] = event_id
            bit_generator.state = state
            generator.random(out=row)
    counter[1] = _NORMAL
    if n_normal:
        for event_id, row in zip(event_ids, normal, strict=True):
            counter[2] = event_id
            bit_generator.state = state
            generator.standard_normal(dtype=np.float32, out=row)
    return uniform, normal


def event_table_draws(seed, first_event_id, n_events, n_uniform):
    """Uniform numbers of consecutive events, shape (n_events, n_uniform).

    Row i depends on ``seed`` and ``first_event_id + i`` alone: a Philox counter gives four
    numbers, so every event owns a fixed run of counters.
    """
    counters_per_event = -(-n_uniform // 4)
    bit_generator = _philox(seed)
    state = bit_generator.state
    state["state"]["counter"][:] = [0, _UNIFORM, 0, _EVENT_TABLE]
    bit_generator.state = state
    bit_generator.advance(first_event_id * counters_per_event)
    draws = np.random.Generator(bit_generator).random((n_events, 4 * counters_per_event))
    return draws[:, :n_uniform]
