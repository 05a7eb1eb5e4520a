"""Loads a component, and converts values to the types of its contract."""

from wasmtime import Engine, Store, WasiConfig
from wasmtime.component import Component, Linker, Record

BATCH = "bulkhead:contacts/batch@1.0.0"


class Loaded:
    """A compiled component, from which instances are created."""

    def __init__(self, path):
        self._engine = Engine()
        self._component = Component.from_file(self._engine, path)
        self._linker = Linker(self._engine)
        self._linker.add_wasip2()

    def instantiate(self):
        # An empty WasiConfig provides no files, no variables and no network.
        store = Store(self._engine)
        store.set_wasi(WasiConfig())
        return Batch(store, self._linker.instantiate(store, self._component))


class Batch:
    """An instance of a component. Functions of the interface `batch` are called by their names in the contract."""

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
    """Returns a record of the contract. The argument `first_name` sets the member `first-name`."""
    result = Record()
    for name, value in members.items():
        setattr(result, name.replace("_", "-"), value)
    return result


def member(record, name):
    """Returns a member of a record, by its name in the contract."""
    return getattr(record, name)
