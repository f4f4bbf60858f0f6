"""Public names: classes and functions name their package, not the private file of their source."""

from inspect import isclass, isfunction


def publish(package, names, exported):
    """Set ``__module__`` of the public classes and functions of a package to the package.

    Pickles, stored models and documentation then name the package, and private files can move.
    The arguments are ``__name__``, ``globals()`` and ``__all__`` of the package.
    """
    for name in exported:
        public_in(package)(names[name])


def public_in(package):
    """Decorate a class or function that ``package`` makes public; other objects are unchanged."""

    def rename(thing):
        # Doctest looks for the methods of a class in the module of the class.
        methods = vars(thing).values() if isclass(thing) else ()
        for item in (thing, *methods):
            if isclass(item) or isfunction(item):
                item.__module__ = package
        # The docstring of a named tuple describes its fields.
        for field in getattr(thing, "_fields", ()):
            getattr(thing, field).__doc__ = "See the parameters of the class."
        return thing

    return rename
