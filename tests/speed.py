"""What makes the tests quicker and leaves alone what they prove."""

from __future__ import annotations

import gc
import inspect
import os
import shutil
import sys
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import psutil
from botocore import hooks, useragent
from botocore.client import ClientCreator
from botocore.hooks import EVENT_ALIASES, EventAliaser
from botocore.loaders import JSONFileLoader, Loader

_MEMORY = Path("/dev/shm")
_ENOUGH = 6_000_000_000
TEMP_ROOT = "PYTEST_DEBUG_TEMPROOT"
# By what a test of theirs takes; a file of the first folders may take a worker two minutes.
_FIRST = (
    *("faults", "engine", "cli", "contracts", "sandbox", "neon", "docs", "unit"),
    *("services", "report", "tui"),
)
_VERY_FIRST = ("test_kill.py", "test_kill_merged.py", "test_a_million.py")
# The long ones of the folder that comes last: the end is to be made of short ones.
_NOT_LAST = ("test_flows.py", "test_terminal.py")
_loaded: dict[str, Any] = {}
_found: dict[tuple[str, ...], list[str]] = {}
_aliased: dict[str, str] = {}
_services: dict[tuple[str, str], Any] = {}
_load = JSONFileLoader.load_file


def use_memory_for_folders() -> None:
    """Keep the tests' folders in memory where there is room: each branch is a thousand files."""
    if TEMP_ROOT in os.environ or not os.access(_MEMORY, os.W_OK | os.X_OK):
        return
    if os.statvfs(_MEMORY).f_flag & os.ST_NOEXEC:
        return  # programs of npm are installed there
    free = min(shutil.disk_usage(_MEMORY).free, psutil.virtual_memory().available)
    if free >= _ENOUGH:
        os.environ[TEMP_ROOT] = str(_MEMORY)


def let_children_keep_bytecode() -> None:
    """Where a machine forbids it, each process that is started would compile all it imports."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False


def load_descriptions_once() -> None:
    """Let sessions of boto3 share AWS's descriptions: each reads them for 0.3 s otherwise."""

    def load(self: JSONFileLoader, file_path: str) -> Any:
        if file_path not in _loaded:
            _loaded[file_path] = _load(self, file_path)
        return _loaded[file_path]

    setattr(JSONFileLoader, _load.__name__, load)
    for name in ("list_available_services", "list_api_versions"):
        setattr(Loader, name, _searched_once(name))


def work_names_out_once() -> None:
    """Let clients of boto3 share the names of events and agents, which each works out anew."""
    begin = EventAliaser.__init__

    def begin_with_names(self: Any, emitter: Any, event_aliases: Any = None) -> None:
        begin(self, emitter, event_aliases)
        if self._event_aliases == EVENT_ALIASES:
            self._alias_name_cache = _aliased

    setattr(EventAliaser, begin.__name__, begin_with_names)
    clean = "sanitize_user_agent_string_component"
    setattr(useragent, clean, lru_cache(1024)(getattr(useragent, clean)))


def make_services_once() -> None:
    """Let clients of boto3 share the models and the classes of their services."""
    for name in ("_load_service_model", "_create_client_class"):
        setattr(ClientCreator, name, _made_once(getattr(ClientCreator, name)))
    look = hooks.accepts_kwargs

    def accepts(handler: Any) -> Any:
        code = getattr(handler, "__code__", None)
        return look(handler) if code is None else code.co_flags & inspect.CO_VARKEYWORDS

    def copied(each: hooks.NodeList) -> hooks.NodeList:
        return hooks.NodeList(each.first[:], each.middle[:], each.last[:])

    setattr(hooks, look.__name__, accepts)
    setattr(hooks.NodeList, hooks.NodeList.__copy__.__name__, copied)


def _made_once(make: Callable[..., Any]) -> Callable[..., Any]:
    """What a maker of clients makes of a service, for all makers."""

    def made(self: ClientCreator, service: str, *arguments: Any) -> Any:
        key = (make.__name__, service)
        if key not in _services:
            _services[key] = make(self, service, *arguments)
        return _services[key]

    return made


def _searched_once(name: str) -> Callable[..., list[str]]:
    """What a loader finds in its folders, for all loaders of the same folders."""
    search = getattr(Loader, name)

    def found(self: Loader, *arguments: str, **named: str) -> list[str]:
        key = (name, *self.search_paths, *arguments, *named.values())
        if key not in _found:
            _found[key] = search(self, *arguments, **named)
        return _found[key]

    return found


def seldom_look_for_cycles() -> None:
    """Leave what is imported and collected alone: looking through it took a tenth of a run."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


def look_for_cycles_again() -> None:
    """What was left alone is looked at as the interpreter ends."""
    gc.unfreeze()


def place(path: Path) -> tuple[int, int, bool]:
    """Where a file of tests stands in the order of all."""
    very = _VERY_FIRST.index(path.name) if path.name in _VERY_FIRST else len(_VERY_FIRST)
    folder = path.parent.name
    first = _FIRST.index(folder) if folder in _FIRST else len(_FIRST)
    return very, first, path.name not in _NOT_LAST
