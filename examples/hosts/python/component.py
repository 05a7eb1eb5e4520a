"""Loading a component, and the words of its contract in Python."""

from wasmtime import Engine, Store, WasiConfig
from wasmtime.component import Component, Linker, Record

BATCH = "bulkhead:contacts/batch@1.0.0"


class Loaded:
    """A component that is compiled; instances are made of it."""

    def __init__(self, path):
        self._engine = Engine()
        self._component = Component.from_file(self._engine, path)
        self._linker = Linker(self._engine)
        self._linker.add_wasip2()

    def instantiate(self):
        # What it imports of WASI has no file, no variable and no network behind it.
        store = Store(self._engine)
        store.set_wasi(WasiConfig())
        return Batch(store, self._linker.instantiate(store, self._component))


class Batch:
    """An instance: the functions of the interface `batch`, whose names are those of the contract."""

    def __init__(self, store, instance):
        self._store = store
        self._instance = instance
        self._interface = instance.get_export_index(store, BATCH)
        if self._interface is None:
            raise ValueError(f"the component does not export {BATCH}")

    def call(self, function, *arguments):
        index = self._instance.get_export_index(self._store, function, self._interface)
        return self._instance.get_func(self._store, index)(self._store, *arguments)

    def drop(self, resource):
        resource.drop(self._store)


def record(**members):
    """A record of the contract: `first_name` is its `first-name`."""
    made = Record()
    for name, value in members.items():
        setattr(made, name.replace("_", "-"), value)
    return made


def member(of, name):
    """A member of a record, by its name in the contract."""
    return getattr(of, name)
