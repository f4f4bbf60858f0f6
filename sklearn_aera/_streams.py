"""Counter-based random numbers: an independent stream for each event."""

import numpy as np

# Word 3 of the counter separates the numbers of the simulator from those of `make_events`: one
# seed gives independent numbers in both. Word 1 separates uniform from normal numbers: an event
# keeps its normal numbers when a part of the simulator needs more uniform ones.
_SIMULATION, _EVENT_TABLE = 0, 1
_UNIFORM, _NORMAL = 0, 1


def _philox(seed):
    key = np.random.SeedSequence(seed).generate_state(2, np.uint64)
    return np.random.Philox(key=key)


def event_draws(seed, event_ids, n_uniform, n_normal):
    """Draw the random numbers of events, each from its own stream.

    The counter of a Philox generator (Salmon et al. 2011, DOI 10.1145/2063384.2063405) is set
    to the event's id, an integer. The numbers of an event therefore depend only on ``seed`` and
    its id. Returns numbers uniform on [0, 1), of shape (n_events, n_uniform), float64, and
    standard normal numbers, of shape (n_events, n_normal), float32.
    """
    bit_generator = _philox(seed)
    generator = np.random.Generator(bit_generator)
    state = bit_generator.state
    counter = state["state"]["counter"]
    drawn = []
    for kind, n_numbers, draw, dtype in (
        (_UNIFORM, n_uniform, generator.random, np.float64),
        (_NORMAL, n_normal, generator.standard_normal, np.float32),
    ):
        numbers = np.empty((len(event_ids), n_numbers), dtype)
        counter[:] = [0, kind, 0, _SIMULATION]
        drawn.append(numbers)
        if n_numbers == 0:
            continue
        for event_id, row in zip(event_ids, numbers, strict=True):
            counter[2] = event_id
            bit_generator.state = state
            draw(dtype=dtype, out=row)
    return drawn


def event_table_draws(seed, first_event_id, n_events, n_uniform):
    """Draw uniform numbers of consecutive events, of shape (n_events, n_uniform).

    Row i depends only on ``seed`` and ``first_event_id + i``: a Philox counter gives four
    numbers, and each event has a fixed range of counters.
    """
    counters_per_event = -(-n_uniform // 4)
    bit_generator = _philox(seed)
    state = bit_generator.state
    state["state"]["counter"][:] = [0, _UNIFORM, 0, _EVENT_TABLE]
    bit_generator.state = state
    bit_generator.advance(first_event_id * counters_per_event)
    draws = np.random.Generator(bit_generator).random((n_events, 4 * counters_per_event))
    return draws[:, :n_uniform]
