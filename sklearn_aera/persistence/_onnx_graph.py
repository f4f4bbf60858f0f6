"""Write an ONNX graph, operator by operator."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

# Old enough for every onnxruntime of the last years, new enough for all operators used here.
_OPSET, _IR_VERSION = 18, 9


class Graph:
    """An ONNX graph that grows with each call; tensors are known by their names.

    ``graph("MatMul", x, matrix)`` adds an operator and returns the name of its output. Inputs are
    names, or arrays and numbers, which become constants of the graph. A keyword is an attribute of
    the operator. A number has the type float32.
    """

    def __init__(self):
        self._nodes, self._constants = [], {}

    def __call__(self, operator, *inputs, n_outputs=1, **attributes):
        """Add an operator; returns the name of its output, or a list of names."""
        number = len(self._nodes)
        outputs = [f"{operator}_{number}_{i}" for i in range(n_outputs)]
        names = [one if isinstance(one, str) else self._constant(one) for one in inputs]
        node = helper.make_node(operator, names, outputs, name=f"{operator}_{number}", **attributes)
        self._nodes.append(node)
        return outputs[0] if n_outputs == 1 else outputs

    def cast(self, x, dtype):
        """Convert a tensor to a NumPy type."""
        return self("Cast", x, to=helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))

    def reduce(self, kind, x, *axes, keepdims=True):
        """Reduce axes by ``kind``, such as "Max" or "Mean"."""
        return self(f"Reduce{kind}", x, np.array(axes, dtype=np.int64), keepdims=int(keepdims))

    def reshape(self, x, *shape):
        """Reshape a tensor; 0 keeps a size and -1 is what is left."""
        return self("Reshape", x, np.array(shape, dtype=np.int64))

    def slice(self, x, start, stop, axis=-1, step=1):
        """Cut a range out of an axis."""
        return self("Slice", x, *(np.array([i], dtype=np.int64) for i in (start, stop, axis, step)))

    def model(self, input_shape, outputs, metadata, producer):
        """The complete model.

        Parameters
        ----------
        input_shape : tuple of int
            Shape of one trace. The input is called "traces".
        outputs : dict of str to (str, tuple of int)
            Name of an output: the tensor, and the shape of its part for one trace.
        metadata : dict of str to str
        producer : (str, str)
            Name and version of the program that writes the model.
        """
        results = []
        for name, (tensor, shape) in outputs.items():
            self._nodes.append(helper.make_node("Identity", [tensor], [name], name=name))
            results.append(_float_tensor(name, shape))
        made = helper.make_graph(
            self._nodes,
            "sklearn_aera",
            [_float_tensor("traces", input_shape)],
            results,
            [numpy_helper.from_array(array, name) for name, array in self._constants.values()],
        )
        name, version = producer
        opset = [helper.make_opsetid("", _OPSET)]
        model = helper.make_model(
            made,
            producer_name=name,
            producer_version=version,
            opset_imports=opset,
            ir_version=_IR_VERSION,
        )
        helper.set_model_props(model, metadata)
        onnx.checker.check_model(model, full_check=True)
        return model

    def _constant(self, value):
        array = np.asarray(value, dtype=None if isinstance(value, np.ndarray) else np.float32)
        array = np.ascontiguousarray(array).reshape(array.shape)
        key = array.dtype.str, array.shape, array.tobytes()
        return self._constants.setdefault(key, (f"constant_{len(self._constants)}", array))[0]


def _float_tensor(name, shape):
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n_traces", *shape])
