"""Remembers every model that the user's code builds, and where."""

from __future__ import annotations

import functools
import os
import sys
from types import CodeType, FrameType
from typing import Any, NamedTuple

from . import worlds
from .classify import HERE, Source

#: So many models of one line are exercised; a search over parameters builds hundreds.
PER_LINE = 3
#: So many models of one file are exercised.
PER_FILE = 24


class Frames(NamedTuple):
    """What of the user's code is running.

    Attributes:
        where: ``file:line`` of the innermost place.
        codes: All functions.
        place: The file and the qualified name of the innermost function.
    """

    where: str
    codes: set[CodeType]
    place: tuple[str, str]


class Record:
    """One model.

    Attributes:
        by_user: The user's code made it, or asked ``keras.applications`` for it; otherwise Keras
            made it for its own purposes and it counts only once the user's code uses it.
        codes: The user's functions that were running when it was made.
        place: The file and the qualified name of the innermost of them.
        batch: The first two samples that it was trained with, as (x, y), or None.
        trained: What came of a real training step; None when there was none.
    """

    def __init__(self, model: Any, frames: Frames, by_user: bool) -> None:
        self.model = model
        self.world = worlds.of(model)
        self.where = frames.where
        self.by_user = by_user
        self.codes = frames.codes
        self.place = frames.place
        self.batch: tuple[Any, Any] | None = None
        self.trained: bool | None = None
        self.logs: dict[str, float] = {}
        self.outputs: Any = None
        self.notes: list[str] = []
        self.errors: list[tuple[str, str]] = []
        #: Which of its layers could learn when the code last trained it.
        self.trainable: list[tuple[Any, bool]] = []
        #: Which of them could when it was last compiled, in a Keras that does not remember that.
        self.compiled: list[tuple[Any, bool]] = []


class Recorder:
    """All models of one run. One object for the life of the process: a child has its own copy."""

    def __init__(self) -> None:
        self.source = Source("/nowhere")
        self.records: dict[int, Record] = {}
        self.notes: list[str] = []
        #: What counts as the builder of a model whose class we have called ourselves.
        self.forced = Frames("", set(), ("", ""))
        #: The code has had results of training that are made up.
        self.stood_in = False

    def note(self, text: str) -> None:
        """Add a note on the whole file, once."""
        if text not in self.notes:
            self.notes.append(text)

    def built(self, model: Any, frame: FrameType) -> None:
        """Remember a model; ``frame`` is the one that called the class."""
        if id(model) in self.records:
            return
        caller: FrameType | None = frame
        while caller is not None and _is_machinery(caller):
            caller = caller.f_back
        filename = caller.f_code.co_filename if caller is not None else ""
        by_user = not worlds.is_library_file(filename) or "applications/" in filename
        self.records[id(model)] = Record(model, self.user_frames(caller), by_user)

    def used(self, model: Any, frame: FrameType | None) -> Record:
        """Return the record of a model that the user's code calls a method of."""
        record = self.records.get(id(model))
        if record is None:
            record = self.records[id(model)] = Record(model, self.user_frames(frame), True)
        if not record.by_user and not worlds.is_library_file(_caller_file(frame)):
            record.by_user = True
        return record

    def user_frames(self, frame: FrameType | None) -> Frames:
        """Return what of the user's code is running."""
        where, codes, place = "", set(), ("", "")
        while frame is not None:
            code = frame.f_code
            if self.source.holds(code.co_filename):
                if not where:
                    where = self.source.show(code.co_filename, frame.f_lineno)
                    # Python has the qualified name since 3.11.
                    name = str(getattr(code, "co_qualname", code.co_name))
                    place = (where.rpartition(":")[0], name)
                codes.add(code)
            frame = frame.f_back
        return Frames(where, codes, place) if where else self.forced

    def chosen(self) -> tuple[list[Record], list[str], int]:
        """Return the records to exercise, notes on lines that built many, and how many are left.

        The models of one line come from the same code, so a few stand for all of them.
        """
        chosen: list[Record] = []
        more: dict[str, int] = {}
        left = 0
        per_line: dict[str, int] = {}
        for record in self.records.values():
            if not record.by_user or _is_empty(record.model):
                continue
            per_line[record.where] = per_line.get(record.where, 0) + 1
            if per_line[record.where] > PER_LINE:
                more[record.where] = more.get(record.where, 0) + 1
            elif len(chosen) >= PER_FILE:
                left += 1
            else:
                chosen.append(record)
        notes = [f"{n} more models of {w} were not exercised" for w, n in more.items()]
        return chosen, notes, left


recorder = Recorder()


def _caller_file(frame: FrameType | None) -> str:
    while frame is not None and frame.f_code.co_filename.startswith(HERE):
        frame = frame.f_back
    return frame.f_code.co_filename if frame is not None else ""


def _is_empty(model: Any) -> bool:
    """Tell whether a model is a stack that nothing was added to: there is nothing to show of it."""
    return type(model).__name__ == "Sequential" and not getattr(model, "layers", True)


def _is_machinery(frame: FrameType) -> bool:
    """Tell whether a frame only passes the construction on: metaclasses, ``__new__``, ourselves."""
    code = frame.f_code
    if code.co_filename == __file__:
        return True
    if not worlds.is_library_file(code.co_filename):
        return False
    return code.co_name == "__new__" or os.path.basename(code.co_filename) in (
        "module.py",
        "tracking.py",
        "base.py",
    )


def install() -> None:
    """Hook the construction of models in every Keras there is."""
    for world in worlds.every():
        _hook(world)


def tampered() -> list[str]:
    """Return the packages whose hook the user's code has taken out: what they build is unseen."""
    return [
        world.package
        for world in worlds.every()
        if world.model.__new__ is not _hooks[world.package]
    ]


_hooks: dict[str, Any] = {}


def _hook(world: worlds.World) -> None:
    kind = world.model
    original = kind.__new__
    # Classes of old Keras have none of their own, and that of all objects takes no arguments.
    plain = original is object.__new__

    @functools.wraps(original)
    def new(cls: Any, *args: Any, **kwargs: Any) -> Any:
        model = original(cls) if plain else original(cls, *args, **kwargs)
        if isinstance(model, kind):
            recorder.built(model, sys._getframe(1))
        return model

    kind.__new__ = staticmethod(new)
    _hooks[world.package] = new
