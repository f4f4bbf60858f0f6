"""Texts that docstrings share."""

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
