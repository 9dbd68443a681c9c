"""The Jinja environment for configuration files: a missing value is an error, never an empty text."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, MutableMapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from functools import partial, wraps
from pathlib import Path
from typing import Any, Callable, Literal

import jinja2
from jinja2 import nodes
from jinja2.exceptions import SecurityError
from jinja2.filters import FILTERS as JINJA_FILTERS
from jinja2.lexer import TokenStream, describe_token
from jinja2.parser import Parser
from jinja2.sandbox import SandboxedEnvironment, modifies_known_mutable

from ec2facts.errors import EC2FactsError, TemplateError, UnreadFactError
from ec2facts.render.filters.conditions import TESTS
from ec2facts.render.filters.jinja_strict import strict_filters
from ec2facts.render.filters.registry import FILTERS, named
from ec2facts.render.printable import OMIT, PrintableFormatter, RefusalError, operand, printable
from ec2facts.render.template.header import split_header
from ec2facts.render.template.rewriting import Rewriter
from ec2facts.render.template.search import default_search_path, find_included, find_template, is_packaged
from ec2facts.render.template.tag_lines import without_tag_lines
from ec2facts.render.template.tracebacks import includes_itself, places
from ec2facts.render.template.variables import ITEM_NAMES, check_declared, check_names
from ec2facts.render.undefined import (
    FactUndefined,
    UnreadUseError,
    containers,
    entries,
    guarded,
    undefined_in,
    unguarded,
    used,
)
from ec2facts.text import did_you_mean

Newline = Literal["\n", "\r\n", "\r"]

_UNKNOWN = re.compile(r"No (filter|test) named '(.+)'\.")
"""Jinja's message about an unknown filter or test."""

_SHOWN_CALLERS = 5
"""The most callers (templates, macros) that an error names."""


def render_template(
    facts: Mapping[str, Any],
    template: str | os.PathLike[str],
    *,
    variables: Mapping[str, Any] | None = None,
    search_path: Sequence[Path] | None = None,
    trim_blocks: bool | None = None,
    lstrip_blocks: bool = True,
    newline_sequence: Newline = "\n",
) -> str:
    """Render a template, given by path or by name.

    The template sees each fact and each of ``variables`` by name, and all of them as ``facts`` and ``vars``. A name is
    looked up on ``search_path``, by default search.default_search_path; an include is looked up beside the template
    first. The other arguments are Jinja's; the template's header overrides them.

    Raises UsageError for a variable whose name is reserved, or that a shipped template does not declare.
    Raises TemplateError, with file and line, for a missing template, a syntax error, an undefined name, a value that
    cannot be printed, or a value that a filter refuses.
    """
    environment = _Environment(
        facts,
        variables or {},
        search_path,
        trim_blocks=trim_blocks,
        lstrip_blocks=lstrip_blocks,
        newline_sequence=newline_sequence,
    )
    file = find_template(template, environment.search_path).absolute()
    if variables and is_packaged(file):
        check_declared(variables, file.read_text(encoding="utf-8"), file.name)
    with environment.errors(str(file)):
        return environment.get_template(str(file)).render()


def render_text(
    facts: Mapping[str, Any],
    source: str,
    *,
    variables: Mapping[str, Any] | None = None,
    name: str = "<template>",
    search_path: Sequence[Path] | None = None,
    trim_blocks: bool | None = None,
    lstrip_blocks: bool = True,
    newline_sequence: Newline = "\n",
) -> str:
    """Render the template text ``source``, like render_template; errors call it ``name``."""
    environment = _Environment(
        facts,
        variables or {},
        search_path,
        trim_blocks=trim_blocks,
        lstrip_blocks=lstrip_blocks,
        newline_sequence=newline_sequence,
    )
    with environment.errors(name):
        return environment.compiled(name, source, environment.make_globals(None)).render()


def evaluate(
    facts: Mapping[str, Any],
    expression: str,
    *,
    variables: Mapping[str, Any] | None = None,
    name: str = "<expression>",
) -> Any:
    """Evaluate a Jinja expression over the facts and ``variables``; errors call it ``name``.

    Mappings and lists are returned as plain dicts and lists, with an Unread marker for each unread value in them.
    Raises TemplateError if the value, or anything inside it, is undefined; UnreadFactError if the value is unread.
    """
    environment = _Environment(facts, variables or {}, ())
    with environment.errors(name):
        return unguarded(used(environment.value(name, expression)))


def check_template(template: str | os.PathLike[str], *, search_path: Sequence[Path] | None = None) -> None:
    """Raise TemplateError, with file and line, if a template does not exist or cannot be compiled."""
    environment = _Environment({}, {}, search_path)
    file = find_template(template, environment.search_path).absolute()
    with environment.errors(str(file)):
        environment.get_template(str(file))


def check_expression(expression: str, *, name: str = "<expression>") -> None:
    """Raise TemplateError if a Jinja expression cannot be compiled; the error calls it ``name``."""
    environment = _Environment({}, {}, ())
    with environment.errors(name):
        environment.compile_expression(expression)


class _Environment(SandboxedEnvironment):
    """Jinja over facts and variables. Templates are named by absolute path."""

    intercepted_binops = frozenset("%")
    trim_blocks: Any
    """None drops only the newlines of lines that hold nothing but tags."""

    def __init__(
        self,
        facts: Mapping[str, Any],
        variables: Mapping[str, Any],
        search_path: Sequence[Path] | None,
        **options: Any,
    ) -> None:
        check_names(variables, allowed=ITEM_NAMES)
        everything = guarded(dict(facts))
        own = guarded(deepcopy(dict(variables)))
        names = {**entries(everything), **entries(own), "vars": own}
        super().__init__(
            loader=_Loader(),
            undefined=undefined_in(names),
            finalize=printable,
            keep_trailing_newline=True,
            auto_reload=False,
            extensions=["jinja2.ext.do", "jinja2.ext.loopcontrols"],
            **options,
        )
        self.search_path = default_search_path(os.environ, uid=os.geteuid()) if search_path is None else search_path
        filters = {**strict_filters(self.filters), **FILTERS}
        self.filters = {**self.filters, **{name: named(name, filters[name], names) for name in filters}}
        self.filters |= {name: _using(JINJA_FILTERS[name]) for name in ("default", "d")}
        tests: dict[str, Any] = {**self.tests, **TESTS}
        self.tests = {name: _using(test) for name, test in tests.items()}
        # Globals: imported macros see no other variables.
        self.globals.update(names, facts=everything, omit=OMIT)
        self.facts = set(containers(everything))
        """The ids of the mappings and lists in the facts."""
        self.with_header: set[str] = set()
        """The templates that have a header."""

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Look up ``obj.attribute``; in a mapping always a key, because users choose keys such as ``items``."""
        if isinstance(obj, (Mapping, FactUndefined)):
            return self.getitem(obj, attribute)
        if type(obj) is str and attribute in {"format", "format_map"}:
            formatter = PrintableFormatter(self)
            return partial(formatter.format, obj) if attribute == "format" else partial(formatter.vformat, obj, ())
        return super().getattr(obj, attribute)

    def method(self, obj: Any, name: str) -> Any:
        """Look up ``obj.name`` for a call: in a mapping a method, unless the value at that key is callable."""
        if not isinstance(obj, Mapping) or (callable(obj.get(name)) and not isinstance(obj[name], FactUndefined)):
            return self.getattr(obj, name)
        return super().getattr(obj, name)

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Return whether a template may use ``obj.attr``: it can change variables and its own values, but not facts."""
        if isinstance(obj, type) and attr != "fromkeys":  # such as dict.update(tags, …)
            return False
        return super().is_safe_attribute(obj, attr, value) and not self._changes_facts(obj, attr)

    def unsafe_undefined(self, obj: Any, attribute: str) -> jinja2.Undefined:
        """Return an undefined value whose error says why the attribute is unsafe."""
        if self._changes_facts(obj, attribute):
            copy = "dict(…)" if isinstance(obj, Mapping) else "|list"
            hint = f".{attribute}() would change the facts; change a copy made with {copy}"
            return self.undefined(hint, exc=SecurityError)
        return super().unsafe_undefined(obj, attribute)

    def _changes_facts(self, obj: Any, attribute: str) -> bool:
        return id(obj) in self.facts and modifies_known_mutable(obj, attribute)

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        """Return ``left % right``, the only intercepted operator."""
        return super().call_binop(context, operator, left, operand(right) if isinstance(left, str) else right)

    def minuend(self, value: Any, key: str) -> Any:
        """Return ``value``, the left operand of a minus; if it is undefined, raise an error that suggests ``key``."""
        if isinstance(value, FactUndefined):
            value.dashed = key
            str(value)  # raises before Jinja evaluates the right operand
        return value

    def getitem(self, obj: Any, argument: Any) -> Any:
        """Look up ``obj[argument]``; in a mapping a key, or a position if it is a number and not a key."""
        if isinstance(obj, FactUndefined):
            return obj.child(argument)
        if not isinstance(obj, Mapping):
            return super().getitem(obj, argument)
        for key in (argument, str(argument)):
            if key in obj:
                return obj[key]
        if isinstance(argument, int) and 0 <= argument < len(obj):
            return list(obj.values())[argument]
        return self.undefined(obj=obj, name=argument)

    def join_path(self, template: str, parent: str) -> str:
        """Return the absolute path of an include in ``parent``, or ``template`` unchanged if no file is found."""
        found = find_included(template, parent, self.search_path)
        return template if found is None else str(found.absolute())

    def compiled(self, name: str, source: str, variables: MutableMapping[str, Any]) -> jinja2.Template:
        """Compile a template with the options of its header."""
        settings, source = split_header(source, name)
        if settings is not None:
            self.with_header.add(name)
        compiler = self.overlay()
        vars(compiler).update(settings or {})  # overlay() takes no newline_sequence before Jinja 3.1.2
        try:
            code = compiler.compile(source, name, name)
        except SyntaxError as error:  # its line number refers to the generated Python
            raise TemplateError(error.msg, file=name) from error
        return self.template_class.from_code(self, code, variables)

    def value(self, name: str, expression: str) -> Any:
        """Evaluate an expression like jinja2's compile_expression; errors call it ``name``."""
        parser = Parser(self, expression, name, name, state="variable")
        node = parser.parse_expression()
        if not parser.stream.eos:
            parser.fail(f"unexpected {describe_token(parser.stream.current)!r} after the expression")
        node.set_environment(self)
        assignment = nodes.Assign(nodes.Name("result", "store"), node, lineno=1)
        code = self.compile(nodes.Template([assignment], lineno=1), name, name)
        template = self.template_class.from_code(self, code, self.make_globals(None))
        return vars(template.make_module())["result"]

    def _tokenize(self, source: str, name: str | None, *arguments: Any, **options: Any) -> TokenStream:
        if self.trim_blocks is not None:
            return super()._tokenize(source, name, *arguments, **options)
        tokens = self.lexer.tokeniter(source, name, *arguments, **options)
        tokens = without_tag_lines(tokens, lstrip_blocks=self.lstrip_blocks)
        return TokenStream(self.lexer.wrap(tokens, name), name, *arguments[:1])

    def _generate(self, source: nodes.Template, *arguments: Any, **options: Any) -> str:
        return super()._generate(Rewriter().visit(source), *arguments, **options)

    @contextmanager
    def errors(self, name: str) -> Iterator[None]:
        """Convert every exception of the template ``name`` to a TemplateError with file and line."""
        try:
            yield
        except EC2FactsError:
            raise
        except Exception as error:  # operators and filters can raise anything
            *callers, (file, line) = places(error, self.with_header) or [(name, None)]
            message = " ".join(self._reason(error).split())
            if callers:
                shown = [f"{caller}:{number}" for caller, number in reversed(callers)]
                message += ", reached from " + ", ".join(shown[:_SHOWN_CALLERS]) + ", …" * (len(shown) > _SHOWN_CALLERS)
            if isinstance(error, UnreadUseError):
                unread = {error.marker.path: error.marker.reason}
                raise UnreadFactError(message, unread, file=file, line=line) from error
            raise TemplateError(message, file=file, line=line) from error

    def _reason(self, error: Exception) -> str:
        if isinstance(error, RecursionError) and includes_itself(error):
            return "the template includes itself"
        if not isinstance(error, (jinja2.TemplateError, UnreadUseError, RefusalError)):
            # Messages of LookupError and ValueError can quote the value.
            detail = "" if isinstance(error, (LookupError, ValueError)) else f": {error}"
            return f"{type(error).__name__}{detail}"
        message = getattr(error, "message", None) or str(error) or type(error).__name__
        if isinstance(error, jinja2.TemplateSyntaxError) and "${#" in _line_of(error):
            message += "; ${#…} begins a comment: put {% raw %} before and {% endraw %} after it"
        unknown = _UNKNOWN.fullmatch(message)
        if unknown is None:
            return message
        known: Iterable[str] = self.filters if unknown[1] == "filter" else self.tests
        return f"no {unknown[1]} named {unknown[2]!r}{did_you_mean(unknown[2], known)}"


def _line_of(error: jinja2.TemplateSyntaxError) -> str:
    """Return the template line with the syntax error."""
    return "".join((error.source or "").split("\n")[error.lineno - 1 : error.lineno])


class _Loader(jinja2.BaseLoader):
    """Loads templates by absolute path; a relative name means that join_path found no file."""

    def load(self, environment: Any, name: str, globals: Any = None) -> jinja2.Template:  # noqa: A002 (Jinja's name)
        """Compile the template in the file ``name`` for an _Environment."""
        if not Path(name).is_absolute():
            searched = ["beside this one", *(f"in {directory}" for directory in environment.search_path)]
            raise jinja2.TemplateNotFound(name, f"no template {name!r} {' or '.join(searched)}")
        try:
            # utf-8-sig: the byte order mark that some editors write must not reach the output.
            source = Path(name).read_bytes().decode("utf-8-sig")
        except OSError as error:
            raise TemplateError(f"cannot be read: {error.strerror}", file=name) from error
        except UnicodeDecodeError as error:
            raise TemplateError("is not UTF-8", file=name) from error
        template: jinja2.Template = environment.compiled(name, source, globals)
        return template


def _using(function: Callable[..., Any]) -> Callable[..., Any]:
    """Make a filter or test raise UnreadUseError for an unread value, which Jinja would treat as undefined."""

    @wraps(function)
    def using(*arguments: Any, **options: Any) -> Any:
        used(*arguments, *options.values())
        return function(*arguments, **options)

    return using
