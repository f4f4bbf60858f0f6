"""Load Keras on TensorFlow without the start-up messages of TensorFlow's C++ part."""

import os
import sys
import tempfile
from contextlib import contextmanager


@contextmanager
def _stderr_held_back():
    """Keep what is written to file descriptor 2 to ourselves, unless an error comes of it."""
    sys.stderr.flush()
    with tempfile.TemporaryFile() as held:
        original = os.dup(2)
        os.dup2(held.fileno(), 2)
        try:
            yield
        except BaseException:
            os.dup2(original, 2)
            held.seek(0)
            os.write(2, held.read())
            raise
        finally:
            os.dup2(original, 2)
            os.close(original)


def load_keras():
    """Import keras and tensorflow; a user who has set TF_CPP_MIN_LOG_LEVEL sees all messages."""
    if "TF_CPP_MIN_LOG_LEVEL" in os.environ or "tensorflow" in sys.modules:
        import keras
        import tensorflow
    else:
        with _stderr_held_back():
            import keras
            import tensorflow

            # Looks for GPUs, which it reports on as well.
            tensorflow.config.list_physical_devices()
    if keras.backend.backend() != "tensorflow":
        raise ImportError(
            "sklearn_aera.neural_network needs Keras on TensorFlow, but Keras runs on "
            f"{keras.backend.backend()!r}: set the environment variable KERAS_BACKEND=tensorflow"
        )
