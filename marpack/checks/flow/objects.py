"""Objects of the archive's classes, the worker's context, and what BaseHandler does to a handler."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from marpack.checks.flow.calls import Calls
from marpack.checks.flow.events import NoAttribute, NoneUse, SessionCall
from marpack.checks.flow.known_calls import BASE_HOOKS, BASE_METHODS, BASE_VALUES
from marpack.checks.flow.state import ANY
from marpack.checks.flow.values import (
    NONE,
    UNKNOWN,
    Bound,
    Closure,
    Context,
    Instance,
    Known,
    Made,
    Mapped,
    ModelPath,
    Partial,
    Scope,
    Session,
    Typed,
    Value,
    of_python,
)
from marpack.checks.python.classes import Base, ClassOf
from marpack.checks.python.torch_handlers import torch_handler

# Attributes that any object has.
_OBJECTS_OWN = frozenset(dir(object)) | {"__dict__", "__module__", "__weakref__"}
# Classes from outside of whose attributes all are known.
_CLOSED = frozenset({"abc.ABC", "builtins.object", "typing.Generic"})


class Objects(Calls):
    """Finds the attributes of objects, and calls the methods that they have from outside."""

    def __init__(self, *arguments: Any, **words: Any) -> None:
        super().__init__(*arguments, **words)
        # The names that the bodies of classes bind.
        self.class_names: dict[ast.ClassDef, dict[str, Value]] = {}
        self._lineages: dict[ast.ClassDef, Sequence[Base]] = {}

    def lineage(self, instance: Instance) -> Sequence[Base]:
        """Return the class of an object and its bases, as ``ClassOf.lineage``, worked out once."""
        node = instance.cls.node
        if node is None:
            return instance.cls.lineage
        if node not in self._lineages:
            self._lineages[node] = instance.cls.lineage
        found = self._lineages[node]
        self.step(items=len(found))
        return found

    def no_attribute(self, node: ast.Attribute, instance: Instance, scope: Scope) -> None:
        """Note that an attribute of the handler is read that nothing has set."""
        classes = [item for item in self.lineage(instance) if isinstance(item, ClassOf)]
        assigned = any(item.own_attribute(node.attr).has is not False for item in classes)
        missing, owner = self.left_out.get(node.attr, ""), instance.cls.value.name
        self.note(NoAttribute, node, scope, name=node.attr, owner=owner, assigned=assigned, missing=missing)

    def none(self, node: ast.expr, value: Value, scope: Scope) -> None:
        """Note that None is used as if it were something: an attribute of the handler, or what was asked for."""
        self.none_used(node, value, scope)
        match node:
            case ast.Attribute(attr=name, value=ast.Name(id="self")):
                self.note(NoneUse, node, scope, name=f"self.{name}")

    def held(self, instance: Instance) -> list[dict[str, Value]]:
        """Return the names that the bodies of an object's classes bind, as far as they are the archive's."""
        nodes = [item.node for item in self.lineage(instance) if isinstance(item, ClassOf)]
        return [self.class_names[node] for node in nodes if node is not None and node in self.class_names]

    def of_context(self, name: str) -> Value:
        """Return an attribute of the worker's context."""
        if name == "manifest":
            return Mapped("context.manifest", self.manifest)
        if name in ("system_properties", "_system_properties"):
            keys = ("batch_size", "gpu_id", "limit_max_image_pixels", "server_name", "server_version")
            entries = {**dict.fromkeys(keys, UNKNOWN), "model_dir": ModelPath("")}
            return Mapped("context.system_properties", entries)
        config = self.config() if name == "model_yaml_config" else None
        if config is not None:
            return Mapped("context.model_yaml_config", config)
        return UNKNOWN

    def attribute(self, instance: Instance, name: str) -> Value | None:
        """Return an attribute of an object, None where neither it nor its line of classes has one."""
        if name in instance.attributes:
            return instance.attributes[name]
        if name in _OBJECTS_OWN:
            if name in ("__dict__", "__setattr__"):
                self.forget(instance)
            return UNKNOWN
        is_open = ANY in instance.attributes
        for item in self.lineage(instance):
            if isinstance(item, ClassOf):
                held = self.class_names.get(item.node) if item.node is not None else None
                if held is None:
                    return UNKNOWN
                if name in held:
                    return self._of_class(held[name], instance, item)
                is_open = is_open or item.is_open
                continue
            found = self._of_outside(item, instance, name)
            if found is not None:
                return found
        return UNKNOWN if is_open else None

    def method(self, instance: Instance, name: str, given: Sequence[Value]) -> Value:
        """Call a method of an object; one of which nothing is known may have set any attribute."""
        found = self.attribute(instance, name)
        if not isinstance(found, (Bound, Closure)):
            self.forget(instance)
        return self.call(found, given)

    def _owner(self, function: Closure, given: Sequence[Value]) -> ClassOf | None:
        """Return the class whose method a function is that is called on an object: ``Base.load(self)``."""
        if not given or not isinstance(given[0], Instance):
            return None
        for item in self.lineage(given[0]):
            if isinstance(item, ClassOf) and item.node is not None:
                held = self.class_names.get(item.node, {})
                self.step(items=len(held) + len(item.node.body))
                own = [each.node for each in held.values() if isinstance(each, Closure)]
                if any(each is function.node for each in (*own, *item.node.body)):
                    return item
        return None

    def _of_outside(self, path: str | None, instance: Instance, name: str) -> Value | None:
        """Return an attribute that a class from outside gives to an object, None where it has none."""
        if path is None:
            return UNKNOWN
        handler = torch_handler(path)
        if handler is None:
            return None if path in _CLOSED else UNKNOWN
        if name in BASE_METHODS:
            return Bound(f"{path}.{name}", instance)
        if handler.name != "BaseHandler" or name == "profiler_args":
            return UNKNOWN
        return UNKNOWN if name == "model_yaml_config" else None

    def _behind(self, cls: ClassOf, instance: Instance, name: str) -> Value:
        """Return what ``super()`` has of a name, in a method of a class."""
        lineage = self.lineage(instance)
        behind = lineage[lineage.index(cls) + 1 :] if cls in lineage else [None]
        for item in behind:
            if isinstance(item, ClassOf):
                held = self.class_names.get(item.node) if item.node is not None else None
                if held is None:
                    return UNKNOWN
                if name in held:
                    return self._of_class(held[name], instance, item)
                continue
            if name == "__init__" and item is not None:
                return Bound(f"{item}.__init__", instance)
            found = self._of_outside(item, instance, name)
            if found is not None:
                return found
        return UNKNOWN

    def _of_class(self, value: Value, instance: Instance, owner: ClassOf) -> Value:
        if not isinstance(value, Closure):
            return value
        names = decorator_names(value)
        bound = Bound(value, instance, owner)
        if names & {"property", "cached_property"}:
            return self.call_closure(value, [instance], {}, owner=owner)
        if "staticmethod" in names:
            return value
        if "classmethod" in names:
            own = instance.cls
            return UNKNOWN if own.node is None else Partial(value, (Made(own.node, value.scope),), {})
        return bound

    def of_made(self, made: Made, value: Value | None) -> Value | None:
        """Return an attribute of a class of the archive; ``value`` is what its body binds."""
        if isinstance(value, Closure) and "classmethod" in decorator_names(value):
            return Partial(value, (made,), {})
        return None if value == UNKNOWN else value

    def call(
        self, called: Value | None, given: Sequence[Value], named: Mapping[str, Value] = MappingProxyType({})
    ) -> Value:
        """Call a function of the archive, or a method of an object."""
        match called:
            case Closure():
                return self.call_closure(called, given, named, owner=self._owner(called, given))
            case Bound(Closure() as function, instance, owner):
                return self.call_closure(function, [instance, *given], named, owner=owner)
            case Bound(str(path), instance):
                return self.call_base(path, instance, given)
        return UNKNOWN

    def call_base(self, path: str, instance: Instance, given: Sequence[Value]) -> Value:
        """Call a method that an object has from outside: of BaseHandler, whose effect is known, or another's."""
        owner, _, method = path.rpartition(".")
        handler = torch_handler(owner)
        if handler is None:
            if owner not in _CLOSED:
                self.forget(instance)
            return UNKNOWN
        if method == "__init__":
            for name, value in BASE_VALUES.items():
                self.memory.set(instance.attributes, name, of_python(value, ""))
        elif method == "initialize":
            self._initialized(instance)
        elif method == "handle" and handler.name != "DenseNetHandler":
            passed = given[0] if given else UNKNOWN
            self.memory.set(instance.attributes, "context", Context())
            for step in ("preprocess", "inference", "postprocess"):
                passed = self.method(instance, step, [passed])
            return passed
        elif method == "inference" and not self._is_patched():
            if instance.attributes.get("model") == Session() and instance.cls.node is not None:
                scope = Scope(instance.cls.member)
                self.note(SessionCall, instance.cls.node, scope, by=f"{handler.name}.inference")
        elif method == "postprocess" and handler.uses_labels:
            return Typed(frozenset(["list"]))
        return UNKNOWN

    def _is_patched(self) -> bool:
        """Tell whether something of TorchServe's, or of onnxruntime's, has been replaced."""
        return any(name.startswith(("ts.", "onnxruntime.")) for name in self.replaced)

    def _initialized(self, instance: Instance) -> None:
        classes = [
            item.node for item in self.lineage(instance) if isinstance(item, ClassOf) and item.node is not None
        ]
        if any(not BASE_HOOKS.isdisjoint(self.class_names.get(node, ())) for node in classes):
            self.forget(instance)
        model = self.manifest.get("model")
        weights = model.get("serializedFile") if isinstance(model, dict) else None
        has_model_file = isinstance(model, dict) and bool(model.get("modelFile"))
        path = ModelPath("").joined(weights) if isinstance(weights, str) and weights else NONE
        is_session = isinstance(path, ModelPath) and path.path.endswith(".onnx") and not has_model_file
        values: dict[str, Value] = {
            "manifest": self.of_context("manifest"),
            "model_pt_path": path,
            "initialized": Known(True),
            "model_yaml_config": self.of_context("model_yaml_config"),
            **dict.fromkeys(("device", "map_location", "mapping"), UNKNOWN),
            "model": Session() if is_session and not self._is_patched() else UNKNOWN,
        }
        for name, value in values.items():
            self.memory.set(instance.attributes, name, value)


def decorator_names(function: Closure) -> set[str]:
    """Return the last names of the decorators of a function."""
    found = getattr(function.node, "decorator_list", [])
    made = [each.func if isinstance(each, ast.Call) else each for each in found]
    return {getattr(each, "attr", None) or getattr(each, "id", None) or "" for each in made}
