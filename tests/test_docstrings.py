"""Texts that docstrings share."""

import inspect

from sklearn_aera._docstrings import fill_docstring


def test_texts_are_filled_in_with_their_indentation():
    @fill_docstring(rate="\nrate : float\n    In MHz.", self="self")
    class Documented:
        """Something.

        Parameters
        ----------
        %(rate)s
        """

        def fit(self):
            """Fit it.

            Returns
            -------
            %(self)s
            """

    lines = Documented.__doc__.splitlines()
    assert lines[4].strip() == "rate : float"
    assert lines[5] == lines[4].replace("rate : float", "    In MHz.")
    assert Documented.fit.__doc__.splitlines()[4].strip() == "self"


def test_texts_may_hold_others_and_are_filled_in_for_class_methods():
    @fill_docstring(grid="Parameters\n----------\n%(sampling_rate)s")
    class Documented:
        @classmethod
        def make(cls):
            """Make it.

            %(grid)s
            """

    lines = inspect.getdoc(Documented.make).splitlines()
    assert lines[2:5] == ["Parameters", "----------", "sampling_rate : float, default=180.0"]
