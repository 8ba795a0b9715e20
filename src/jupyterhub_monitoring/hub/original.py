"""The class that the operator configured, behind the wrappers: what labels show."""

from __future__ import annotations

from typing import Any, TypeVar

T = TypeVar("T", bound=type)

# In the `__dict__` of every class that we made; subclasses of it are the operator's own again.
_MARK = "_monitored_original"
# jupyterhub-multiauthenticator puts each of its authenticators into a class of this name.
_MULTI_WRAPPER = ("multiauthenticator.multiauthenticator", "WrapperAuthenticator")


def original_class(cls: type) -> type:
    """Return the class that the operator configured, without wrappers."""
    if (cls.__module__, cls.__name__) == _MULTI_WRAPPER:
        return original_class(cls.__bases__[-1])
    original: type = cls.__dict__.get(_MARK, cls)
    return original


def original_name(thing: Any) -> str:
    """Return the name that labels show for an object or a class."""
    return original_class(thing if isinstance(thing, type) else type(thing)).__name__


def mark(cls: T, original: type) -> T:
    """Say that *cls* stands for *original* in labels."""
    setattr(cls, _MARK, original)
    return cls
