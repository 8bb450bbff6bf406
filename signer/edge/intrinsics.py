"""The functions of a CloudFormation template, as far as they can be known before a deployment.

AWS page: "Intrinsic function reference". What only a deployment knows, such as the name that a
bucket gets, has to be told; an error says under which name.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from signer.errors import ConfigurationError, excerpt

NO_VALUE: Final = object()
"""What ``AWS::NoValue`` is: the property is not there."""

_PLAIN: Final = re.compile(r"[A-Za-z0-9._:/-]{1,255}")
_PLACEHOLDER: Final = re.compile(r"\$\{([^{}]*)\}")
_PSEUDO: Final = {
    "AWS::NoValue": NO_VALUE,
    "AWS::Partition": "aws",
    "AWS::Region": "us-east-1",
    "AWS::URLSuffix": "amazonaws.com",
}
_BUCKET: Final = "AWS::S3::Bucket"
# Far beyond what a distribution needs; a template of references to references never ends.
_MOST_STEPS: Final = 50_000
_LONGEST_TEXT: Final = 10_000


class Resolver:
    """Finds what a template's values are."""

    def __init__(self, template: Mapping[str, Any], values: Mapping[str, str]) -> None:
        """Look nothing up yet.

        Args:
            template: The whole template.
            values: What a deployment would know: ``LogicalId`` to what ``Ref`` gives,
                ``LogicalId.Attribute`` to what ``Fn::GetAtt`` gives, and the names of parameters.
        """
        self.resources: Mapping[str, Any] = template.get("Resources") or {}
        self._template = template
        self._values = values
        self._under: list[str] = []
        self._steps = 0
        self._functions: dict[str, Callable[[Any], Any]] = {
            "Ref": self._ref,
            "Fn::GetAtt": self._attribute,
            "Fn::Join": self._join,
            "Fn::Split": self._split,
            "Fn::Select": self._select,
            "Fn::Sub": self._substitute,
            "Fn::If": lambda arguments: self.value(self._branch(arguments)),
            "Fn::FindInMap": self._find_in_map,
        }

    def knows(self, name: str) -> bool:
        """Tell whether a name in `values` is of anything that there is."""
        first = name.partition(".")[0]
        parameters = self._template.get("Parameters") or {}
        return name.startswith("AWS::") or first in self.resources or name in parameters

    def value(self, given: Any) -> Any:  # noqa: ANN401 - anything that JSON has
        """Return what a value is, through all that is in it.

        Raises:
            ConfigurationError: ``template_value``: it cannot be known here; evidence ``needed`` is
                the name under which it can be told.
        """
        self._count()
        if isinstance(given, str):
            if "{{resolve:" in given:
                raise _unknown("a dynamic reference ({{resolve:...}}) is looked up at a deployment")
            return given
        if isinstance(given, list):
            return [one for one in map(self.value, given) if one is not NO_VALUE]
        if not isinstance(given, dict):
            return given
        function = _function_in(given)
        if function is None:
            pairs = ((key, self.value(one)) for key, one in given.items())
            return {key: one for key, one in pairs if one is not NO_VALUE}
        if function not in self._functions:
            raise _unknown(f"{excerpt(function)} is not known before a deployment")
        return self._functions[function](given[function])

    def text(self, given: Any) -> str:  # noqa: ANN401 - anything that JSON has
        """Return a value that must be a string."""
        found = self.value(given)
        if isinstance(found, bool):
            return "true" if found else "false"
        if isinstance(found, str | int | float) and len(text := str(found)) <= _LONGEST_TEXT:
            return text
        raise _unknown("a string of usual length is expected, and something else is there")

    def opened(self, given: Any) -> Any:  # noqa: ANN401 - anything that JSON has
        """Return a value with its own conditions decided, and nothing in it looked at."""
        while isinstance(given, dict) and _function_in(given) == "Fn::If":
            given = self._branch(given["Fn::If"])
        return NO_VALUE if given == {"Ref": "AWS::NoValue"} else given

    def items(self, given: Any) -> list[Any]:  # noqa: ANN401 - anything that JSON has
        """Return the items of a list, each as :meth:`opened` returns it."""
        found = self.opened(given)
        if found is None or found is NO_VALUE:
            return []
        if not isinstance(found, list):
            raise _unknown("a list is expected, and something else is there")
        return [one for one in map(self.opened, found) if one is not NO_VALUE]

    def handle(self, given: Any) -> str:  # noqa: ANN401 - anything that JSON has
        """Return the logical id of the resource that an id will be of, or the id itself."""
        match self.opened(given):
            case {"Ref": str(name)} if name in self.resources:
                return name
            case {"Fn::GetAtt": [str(name), str()]} if name in self.resources:
                return name
            case {"Fn::GetAtt": str(path)} if path.partition(".")[0] in self.resources:
                return path.partition(".")[0]
            case other:
                return self.text(other)

    def _ref(self, name: object) -> Any:  # noqa: ANN401 - parameters may be lists
        if not isinstance(name, str):
            raise _unknown("a Ref names nothing")
        if name in self._values:
            return self._values[name]
        if name in _PSEUDO:
            return _PSEUDO[name]
        parameter = (self._template.get("Parameters") or {}).get(name)
        if parameter is not None:
            kind = str(parameter.get("Type"))
            # The default of such a one is only the name of a parameter in Systems Manager.
            if "Default" in parameter and not kind.startswith("AWS::SSM::Parameter::"):
                default = parameter["Default"]
                return default.split(",") if kind == "CommaDelimitedList" else default
            raise _unknown(f"the parameter {shown(name)} has no value here", needed=name)
        if name.startswith("AWS::"):
            raise _unknown(f"{shown(name)} is not known before a deployment", needed=name)
        resource = self._resource(name)
        if resource.get("Type") == _BUCKET and "BucketName" in (resource.get("Properties") or {}):
            with self._entered(name):
                return self.text(resource["Properties"]["BucketName"])
        raise _unknown(f"the id of {shown(name)} is made at a deployment", needed=name)

    def _attribute(self, arguments: object) -> str:
        match arguments:
            case str() if "." in arguments:
                name, _, attribute = arguments.partition(".")
            case [str(name), attribute]:
                attribute = self.text(attribute)
            case _:
                raise _unknown("an Fn::GetAtt names no attribute")
        path = f"{name}.{attribute}"
        if path in self._values:
            return self._values[path]
        kind = self._resource(name).get("Type")
        if kind == _BUCKET and attribute in {"DomainName", "RegionalDomainName"}:
            place = f".{self._ref('AWS::Region')}" if attribute == "RegionalDomainName" else ""
            return f"{self._ref(name)}.s3{place}.{self._ref('AWS::URLSuffix')}"
        raise _unknown(f"{shown(path)} is made at a deployment", needed=path)

    def _resource(self, name: str) -> Mapping[str, Any]:
        found = self.resources.get(name)
        if not isinstance(found, dict):
            raise _unknown(f"the template has no resource {shown(name)}")
        return found

    def _join(self, arguments: object) -> str:
        match arguments:
            case [str(delimiter), parts]:
                return delimiter.join(self.text(one) for one in self._list(parts))
            case _:
                raise _unknown("an Fn::Join is not of its form")

    def _split(self, arguments: object) -> list[str]:
        match arguments:
            case [str(delimiter), text] if delimiter:
                return self.text(text).split(delimiter)
            case _:
                raise _unknown("an Fn::Split is not of its form")

    def _select(self, arguments: object) -> Any:  # noqa: ANN401 - anything that JSON has
        match arguments:
            case [index, parts]:
                number, found = self.text(index), self._list(parts)
                if number.isdecimal() and int(number) < len(found):
                    return found[int(number)]
        raise _unknown("an Fn::Select selects nothing")

    def _list(self, given: object) -> Sequence[Any]:
        found = self.value(given)
        if not isinstance(found, list):
            raise _unknown("a list is expected, and something else is there")
        return found

    def _substitute(self, arguments: object) -> str:
        match arguments:
            case str(text):
                own: dict[str, Any] = {}
            case [str(text), dict(own)]:
                pass
            case _:
                raise _unknown("an Fn::Sub is not of its form")

        def one(match: re.Match[str]) -> str:
            name = match[1]
            if name.startswith("!"):
                return f"${{{name[1:]}}}"
            if name in own:
                return self.text(own[name])
            return self._attribute(name) if "." in name else self.text({"Ref": name})

        return _PLACEHOLDER.sub(one, text)

    def _find_in_map(self, arguments: object) -> Any:  # noqa: ANN401 - anything that JSON has
        match arguments:
            case [name, first, second]:
                found: Any = self._template.get("Mappings") or {}
                for key in (name, first, second):
                    found = found.get(self.text(key)) if isinstance(found, dict) else None
                if found is not None:
                    return found
        raise _unknown("an Fn::FindInMap finds nothing")

    def _branch(self, arguments: object) -> Any:  # noqa: ANN401 - anything that JSON has
        match arguments:
            case [str(name), if_true, if_false]:
                return if_true if self._condition(name) else if_false
            case _:
                raise _unknown("an Fn::If is not of its form")

    def _condition(self, name: str) -> bool:
        conditions = self._template.get("Conditions") or {}
        if name not in conditions:
            raise _unknown(f"the template has no condition {shown(name)}")
        with self._entered(f"condition {name}"):
            return self._holds(conditions[name])

    def _holds(self, given: object) -> bool:
        self._count()
        match given:
            case {"Condition": str(name)}:
                return self._condition(name)
            case {"Fn::Equals": [left, right]}:
                return self.text(left) == self.text(right)
            case {"Fn::Not": [one]}:
                return not self._holds(one)
            case {"Fn::And": [*all_of]}:
                return all(self._holds(one) for one in all_of)
            case {"Fn::Or": [*any_of]}:
                return any(self._holds(one) for one in any_of)
            case _:
                raise _unknown("a condition is not of its form")

    def _count(self) -> None:
        self._steps += 1
        if self._steps > _MOST_STEPS:
            raise _unknown("it takes too many steps to find the values of the template")

    @contextlib.contextmanager
    def _entered(self, name: str) -> Iterator[None]:
        if name in self._under:
            raise _unknown(f"{shown(name)} refers to itself")
        self._under.append(name)
        try:
            yield
        finally:
            self._under.pop()


def shown(name: str) -> str:
    """Return a template's name as it is, however long; anything else in short."""
    return name if _PLAIN.fullmatch(name) else excerpt(name)


def _function_in(given: Mapping[str, Any]) -> str | None:
    """Return the function that an object is a call of, if it is one."""
    names = [key for key in given if key == "Ref" or key.startswith("Fn::")]
    if not names:
        return None
    if len(given) > 1:
        raise _unknown(f"{excerpt(names[0])} has other members beside it")
    return names[0]


def _unknown(problem: str, *, needed: str | None = None) -> ConfigurationError:
    advice = f'give it as "{needed}" in [values] of the configuration file' if needed else ""
    return ConfigurationError("template_value", problem, advice=advice, needed=needed)
