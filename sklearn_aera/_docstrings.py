"""Parameter descriptions that several docstrings share."""

import re
from inspect import cleandoc
from textwrap import indent

_PLACE = re.compile(r"^( *)%\((\w+)\)s$", re.MULTILINE)


def fill_docstring(**texts):
    """Decorate a class or function: put shared text into its docstring.

    Parameters
    ----------
    **texts : str
        What to put in place of each line ``%(name)s``, indented as that line is.

    Examples
    --------
    >>> from sklearn_aera._docstrings import fill_docstring
    >>> @fill_docstring(rate="sampling_rate : float\\n    In MHz.")
    ... def duration(sampling_rate):
    ...     '''Length of a trace.
    ...
    ...     %(rate)s
    ...     '''
    >>> print(duration.__doc__.splitlines()[3])
        In MHz.
    """

    def fill(documented):
        if documented.__doc__ is not None:  # None with python -OO
            documented.__doc__ = _PLACE.sub(
                lambda place: indent(cleandoc(texts[place[2]]), place[1]), documented.__doc__
            )
        return documented

    return fill
