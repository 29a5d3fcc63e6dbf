"""Carries out the plan for a file's imports, at the end of the walk.

A statement whose names stay together keeps its layout and comments; names that part company get
statements of their own right behind it. Nothing is hoisted: an import stays in its block.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import libcst as cst

from kerasmigrate.flavours import canonical
from kerasmigrate.import_guards import branches
from kerasmigrate.imports import UNUSED_CODE, Imports, Plan, Want
from kerasmigrate.scopes import Binding, Statement, dotted
from kerasmigrate.walking import Reader

#: Columns up to which two import lines are joined.
MAX_JOINED = 79
Block = Sequence[cst.BaseStatement | cst.BaseSmallStatement]


@dataclass
class Entry:
    """What becomes of one imported name: kept as written, replaced, or dropped."""

    alias: int | None
    plan: Plan | None = None
    want: Want | None = None
    kept: bool = False


@dataclass
class Outcome:
    """What becomes of the imports of a file.

    Attributes:
        entries: By statement; a statement that is not a key stays as it is.
        collapsed: Guard to the number of the branch that takes its place.
        gone: Imported names that the target does not have and that are still used.
        unused: Imported names that the target does not have and that nobody uses: dropped.
    """

    entries: dict[Statement, list[Entry]] = field(default_factory=dict)
    collapsed: dict[cst.CSTNode, int] = field(default_factory=dict)
    gone: list[Plan] = field(default_factory=list)
    unused: list[Plan] = field(default_factory=list)
    stars: list[Binding] = field(default_factory=list)


def used_names(module: cst.Module) -> frozenset[str]:
    """Return every name that a module uses outside its import statements."""
    collector = _UsedNames()
    collector.visit(module)
    return frozenset(collector.names)


class _UsedNames(Reader):
    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def visit_Import(self, node: cst.Import) -> bool:
        return False

    def visit_ImportFrom(self, node: cst.ImportFrom) -> bool:
        return False

    def visit_Name(self, node: cst.Name) -> None:
        self.names.add(node.value)

    def visit_Attribute(self, node: cst.Attribute) -> bool:
        self.visit(node.value)
        return False

    def visit_Arg(self, node: cst.Arg) -> bool:
        self.visit(node.value)
        return False

    def visit_Annotation(self, node: cst.Annotation) -> None:
        for text in re.findall(r"[A-Za-z_]\w*", cst.Module([]).code_for_node(node.annotation)):
            self.names.add(text)


def decide(imports: Imports, tree: cst.Module) -> Outcome:
    """Decide what becomes of every import statement.

    Args:
        imports: The plan.
        tree: The module after the walk.
    """
    outcome = Outcome()
    names = imports.names
    may_drop = any(plan.moved or plan.base is None for plan in imports.all_plans())
    used = used_names(tree) if may_drop else frozenset()
    outcome.collapsed |= imports.collapsed
    seen: dict[tuple[int, str], list[tuple[Want, bool, frozenset[tuple[int, int]]]]] = {}
    for statement, bindings in names.statements.items():
        guards = bindings[0].guards
        if any(
            node in outcome.collapsed and outcome.collapsed[node] != branch
            for node, branch in guards
        ):
            continue
        entries = _entries(statement, bindings, imports, used, outcome)
        place = frozenset(
            (id(node), branch) for node, branch in guards if node not in outcome.collapsed
        )
        fresh: list[Entry] = []
        for entry in entries:
            want = entry.want
            if want is not None:
                known = seen.setdefault((id(bindings[0].scope), want.local), [])
                changed = not entry.kept
                if any(
                    each == want and where <= place and (changed or before)
                    for each, before, where in known
                ):
                    fresh.append(Entry(entry.alias, entry.plan))
                    continue
                known.append((want, changed, place))
            fresh.append(entry)
        if any(not entry.kept for entry in fresh):
            outcome.entries[statement] = fresh
    return outcome


def _entries(
    statement: Statement,
    bindings: Sequence[Binding],
    imports: Imports,
    used: frozenset[str],
    outcome: Outcome,
) -> list[Entry]:
    if bindings[0].name == "*":
        return _star_entries(bindings[0], imports, used, outcome)
    entries: list[Entry] = []
    for index, binding in enumerate(bindings):
        plan = imports.plans[binding]
        current = _as_written(statement, index)
        if plan.frozen:
            entries.append(Entry(index, plan, current, kept=True))
            continue
        wanted = _want(statement, index, plan, imports)
        needed = plan.local in used or imports.is_kept(binding)
        if plan.path is not None and plan.base is None and binding.through != "re-export":
            may_go = plan.moved or not imports.is_off(UNUSED_CODE, binding.node)
            # It would fail here. A file that gets it by a star gets what stands for it there.
            needed = plan.local in used or imports.is_named(binding)
            if may_go and not plan.live and not plan.stuck and not needed:
                if not plan.moved:
                    outcome.unused.append(plan)
                entries.append(Entry(index, plan))
                continue
            outcome.gone.append(plan)
        if plan.moved and not plan.live and not plan.stuck and not needed:
            entries.append(Entry(index, plan))
        elif wanted is None or wanted == current:
            entries.append(Entry(index, plan, current, kept=True))
        else:
            entries.append(Entry(index, plan, wanted))
    entries.extend(Entry(None, None, want) for want in imports.additions.get(statement, ()))
    return entries


def _star_entries(
    binding: Binding, imports: Imports, used: frozenset[str], outcome: Outcome
) -> list[Entry]:
    split = canonical(binding.origin or "")
    statement = binding.statement
    assert isinstance(statement, cst.ImportFrom)
    written = Want(binding.origin, "*", "*")
    additions = [Entry(None, None, want) for want in imports.additions.get(statement, ())]
    plans = [
        p
        for p in imports.star_plans[binding].values()
        # What an edit wrote instead of a reference may still be reached through the name.
        if p.live or p.stuck or (p.moved and p.base is not None and p.local in used)
    ]
    entries: list[Entry] = []
    gone = [p for p in plans if p.base is None and imports.foreign(p.path or "") is None]
    outcome.gone.extend(gone)
    if split is None or statement.relative:
        # What the other file passes on has the names of today.
        old = [p for p in plans if p.base and p.base.rpartition(".")[2] != p.local]
        return [Entry(0, None, written, kept=True), *_named(old, imports), *additions]
    home = imports.locate(split[0]).path
    if imports.is_kept(binding) or gone or not (plans or additions):
        star = written if home is None else Want(imports.target.spell(home), "*", "*")
        entries.append(Entry(0, None, star, kept=star == written))
        if imports.is_kept(binding):
            outcome.stars.append(binding)
        plans = [p for p in plans if not p.base or p.base != f"{home}.{p.local}"]
    return [*entries, *_named(plans, imports), *additions]


def _named(plans: Iterable[Plan], imports: Imports) -> Iterator[Entry]:
    """Yield the imports of names that a star import brought."""
    for plan in plans:
        foreign = imports.foreign(plan.path or "")
        if plan.base is not None:
            parent, _, leaf = imports.target.spell(plan.base).rpartition(".")
            want = Want(parent, leaf, plan.local)
        elif foreign is not None:
            want = Want(None, foreign, plan.local)
        else:
            continue
        yield Entry(None, plan, want)


def _as_written(statement: Statement, index: int) -> Want:
    assert not isinstance(statement.names, cst.ImportStar)
    alias = statement.names[index]
    path = ".".join(dotted(alias.name) or ())
    local = path
    if alias.asname is not None and isinstance(alias.asname.name, cst.Name):
        local = alias.asname.name.value
    if isinstance(statement, cst.Import):
        return Want(None, path, local)
    return Want(_module_text(statement), path, local)


def _want(statement: Statement, index: int, plan: Plan, imports: Imports) -> Want | None:
    """Return the import that a plan needs in the place of the one written; None keeps it."""
    target = imports.target
    written = _as_written(statement, index)
    if plan.binding.through == "re-export":
        return None
    if plan.path is None:
        split = canonical(written.path) if isinstance(statement, cst.Import) else None
        if split is None or written.local != written.path:
            return None
        if target.accepts(split[1]):
            home = imports.locate(split[0]).path
            path = target.spell(home) if home is not None else written.path
            return Want(None, path, path)
        # "import tensorflow.keras" of which only "tensorflow" is still needed
        return Want(None, "tensorflow", "tensorflow")
    if plan.base is None:
        return None
    if isinstance(statement, cst.Import):
        if written.local != written.path or "." not in written.path:
            if plan.base == "keras":
                if written == Want(None, target.root, plan.local):
                    return None  # right already, in the author's style
                return imports.root_want(plan.local)
            return Want(None, target.spell(plan.base), plan.local)
        # "import keras.layers.core" binds "keras"
        located = imports.locate((canonical(written.path) or ("keras", ""))[0])
        if target.root == plan.local and located.path is not None:
            path = target.spell(located.path)
            return Want(None, path, path)
        return imports.root_want(plan.local)
    if plan.base == "keras":
        return imports.root_want(plan.local)
    parent, _, leaf = target.spell(plan.base).rpartition(".")
    return Want(parent, leaf, plan.local)


# -- editing ---------------------------------------------------------------------------------


class ImportEditor(cst.CSTTransformer):
    """Rewrites the import statements of a tree as decided.

    Args:
        outcome: What to do.
        originals: Original node of each import statement and guard of the tree.
    """

    def __init__(self, outcome: Outcome, originals: Mapping[cst.CSTNode, cst.CSTNode]) -> None:
        super().__init__()
        self.outcome = outcome
        self.originals = originals
        #: Modules that each line of imports named before it was edited.
        self.edited: dict[cst.CSTNode, frozenset[str]] = {}

    def visit_SimpleStatementLine(self, node: cst.SimpleStatementLine) -> bool:
        return False

    def visit_Parameters(self, node: cst.Parameters) -> bool:
        return False

    def leave_Module(self, original_node: cst.Module, updated_node: cst.Module) -> cst.Module:
        body, rest = self._block(original_node.body, updated_node.body)
        if body is updated_node.body:
            return updated_node
        header: Sequence[cst.EmptyLine] = updated_node.header
        footer = [*rest, *updated_node.footer]
        return updated_node.with_changes(body=body, header=header, footer=footer)

    def leave_IndentedBlock(
        self, original_node: cst.IndentedBlock, updated_node: cst.IndentedBlock
    ) -> cst.IndentedBlock:
        body, rest = self._block(original_node.body, updated_node.body)
        if body is updated_node.body:
            return updated_node
        return updated_node.with_changes(body=body, footer=[*rest, *updated_node.footer])

    def leave_SimpleStatementSuite(
        self, original_node: cst.SimpleStatementSuite, updated_node: cst.SimpleStatementSuite
    ) -> cst.SimpleStatementSuite:
        small = self._small(original_node.body)
        if small is None:
            return updated_node
        return updated_node.with_changes(body=_joined(small or [cst.Pass()]))

    def _block(self, before: Block, after: Block) -> tuple[Block, list[cst.EmptyLine]]:
        """Return the new statements of a block and the comments left over at its end."""
        body: list[cst.BaseStatement] = []
        carried: list[cst.EmptyLine] = []
        changed = False
        for was, now in zip(before, after, strict=True):
            lines, left = self._statement(was, now)
            changed = changed or len(lines) != 1 or lines[0] is not now or bool(left)
            if lines and carried:
                first = lines[0]
                assert isinstance(first, cst.SimpleStatementLine | cst.BaseCompoundStatement)
                lines[0] = first.with_changes(leading_lines=[*carried, *first.leading_lines])
                carried = []
            body.extend(lines)
            carried.extend(left)
        if not changed:
            return after, []
        return self._merged(body), carried

    def _merged(self, body: Sequence[cst.BaseStatement]) -> list[cst.BaseStatement]:
        """Join neighbouring lines that have come to import from the same module."""
        found: list[cst.BaseStatement] = []
        for line in body:
            above = found[-1] if found else None
            joined = _join(above, line) if above in self.edited or line in self.edited else None
            if above is None or joined is None or self._was(line) <= self._was(above):
                found.append(line)  # what the author kept apart stays apart
            else:
                found[-1] = joined
                self.edited[joined] = self._was(above) | self._was(line)
        return found

    def _was(self, line: cst.BaseStatement) -> frozenset[str]:
        if line in self.edited:
            return self.edited[line]
        assert isinstance(line, cst.SimpleStatementLine)
        return _modules(line)

    def _statement(
        self, was: cst.CSTNode, now: cst.CSTNode
    ) -> tuple[list[cst.BaseStatement], list[cst.EmptyLine]]:
        guard = self.originals.get(was)
        if guard in self.outcome.collapsed:
            assert guard is not None
            return self._collapsed(now, self.outcome.collapsed[guard])
        assert isinstance(now, cst.BaseStatement)
        if not isinstance(was, cst.SimpleStatementLine):
            return [now], []
        assert isinstance(now, cst.SimpleStatementLine)
        small = self._small(was.body)
        if small is None:
            return [now], []
        if not small:
            return [], _comments(now.leading_lines)
        if len(was.body) > 1:
            return [now.with_changes(body=_joined(small))], []
        first, *others = small
        comments = self._parted_comments(was.body[0])
        lines = [now.with_changes(body=[first]), *(_line(each, comments) for each in others)]
        self.edited.update(dict.fromkeys(lines, _modules(was)))
        return list(lines), []

    def _collapsed(
        self, now: cst.CSTNode, branch: int
    ) -> tuple[list[cst.BaseStatement], list[cst.EmptyLine]]:
        suites = branches(now)
        assert suites is not None and isinstance(now, cst.Try | cst.If)
        suite = suites[branch]
        if isinstance(suite, cst.IndentedBlock):
            lines = list(suite.body)
            left = _comments(suite.footer)
        else:
            assert isinstance(suite, cst.SimpleStatementSuite)
            lines = [
                cst.SimpleStatementLine(suite.body, trailing_whitespace=suite.trailing_whitespace)
            ]
            left = []
        if not lines:
            return [], [*_comments(now.leading_lines), *left]
        first = lines[0]
        assert isinstance(first, cst.SimpleStatementLine)
        lines[0] = first.with_changes(
            leading_lines=[*now.leading_lines, *_comments(first.leading_lines)]
        )
        return lines, left

    def _small(self, body: Sequence[cst.BaseSmallStatement]) -> list[cst.BaseSmallStatement] | None:
        """Return the new small statements of a line; None when it stays as it is."""
        found: list[cst.BaseSmallStatement] = []
        changed = False
        for small in body:
            original = self.originals.get(small)
            if isinstance(original, cst.Import | cst.ImportFrom) and (
                original in self.outcome.entries
            ):
                found.extend(_rewrite(original, self.outcome.entries[original]))
                changed = True
            else:
                found.append(small)
        return found if changed else None

    def _parted_comments(self, small: cst.BaseSmallStatement) -> dict[str, cst.Comment]:
        """Return the comments behind the names of a statement that is split, by the name."""
        found: dict[str, cst.Comment] = {}
        if not isinstance(small, cst.ImportFrom) or isinstance(small.names, cst.ImportStar):
            return found
        for alias in small.names:
            comma = alias.comma
            if isinstance(comma, cst.Comma) and isinstance(
                comma.whitespace_after, cst.ParenthesizedWhitespace
            ):
                comment = comma.whitespace_after.first_line.comment
                if comment is not None and isinstance(alias.name, cst.Name):
                    found[alias.name.value] = comment
        return found


def _line(
    small: cst.BaseSmallStatement, comments: Mapping[str, cst.Comment]
) -> cst.SimpleStatementLine:
    line = cst.SimpleStatementLine([small])
    if isinstance(small, cst.ImportFrom) and not isinstance(small.names, cst.ImportStar):
        mine = [
            comments[alias.name.value]
            for alias in small.names
            if isinstance(alias.name, cst.Name) and alias.name.value in comments
        ]
        if mine:
            line = line.with_changes(
                trailing_whitespace=cst.TrailingWhitespace(cst.SimpleWhitespace("  "), mine[0])
            )
    return line


def _modules(line: cst.SimpleStatementLine) -> frozenset[str]:
    """Return the modules of the from-imports in a line."""
    return frozenset(
        _module_text(small) for small in line.body if isinstance(small, cst.ImportFrom)
    )


def _join(
    above: cst.BaseStatement | None, below: cst.BaseStatement
) -> cst.SimpleStatementLine | None:
    """Join two plain from-imports of one module, when that is easy to read."""
    pair: list[cst.ImportFrom] = []
    for line in (above, below):
        if not isinstance(line, cst.SimpleStatementLine) or len(line.body) != 1:
            return None
        small = line.body[0]
        if (
            not isinstance(small, cst.ImportFrom)
            or isinstance(small.names, cst.ImportStar)
            or small.lpar is not None
            or line.trailing_whitespace.comment is not None
        ):
            return None
        pair.append(small)
    first, second = pair
    assert isinstance(above, cst.SimpleStatementLine)
    assert isinstance(below, cst.SimpleStatementLine)
    assert not isinstance(first.names, cst.ImportStar)
    assert not isinstance(second.names, cst.ImportStar)
    if below.leading_lines or _module_text(first) != _module_text(second):
        return None
    comma = cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))
    names = [*first.names[:-1], first.names[-1].with_changes(comma=comma)]
    known = {_alias_text(alias) for alias in first.names}
    more = [alias for alias in second.names if _alias_text(alias) not in known]
    joined = first.with_changes(names=[*names, *more] if more else first.names)
    if len(cst.Module([]).code_for_node(joined)) > MAX_JOINED:
        return None
    return above.with_changes(body=[joined])


def _module_text(statement: cst.ImportFrom) -> str:
    return "." * len(statement.relative) + ".".join(dotted(statement.module) or ())


def _alias_text(alias: cst.ImportAlias) -> str:
    local = alias.asname.name if alias.asname is not None else alias.name
    return f"{dotted(alias.name)} as {dotted(local)}"


def _comments(lines: Sequence[cst.EmptyLine]) -> list[cst.EmptyLine]:
    """Return the lines when they hold a comment; blank lines alone go with the statement."""
    return list(lines) if any(line.comment is not None for line in lines) else []


def _joined(small: Sequence[cst.BaseSmallStatement]) -> list[cst.BaseSmallStatement]:
    return [each.with_changes(semicolon=cst.MaybeSentinel.DEFAULT) for each in small]


def _rewrite(statement: Statement, entries: Sequence[Entry]) -> list[cst.BaseSmallStatement]:
    """Build the statements that take the place of one."""
    groups: dict[tuple[str | None, bool], list[Entry]] = {}
    for entry in entries:
        if entry.want is None:
            continue
        known = groups.setdefault((entry.want.module, entry.want.path == "*"), [])
        if all(each.want != entry.want for each in known):
            known.append(entry)
    first: list[cst.BaseSmallStatement] = []
    rest: list[cst.BaseSmallStatement] = []
    for (module, _), group in groups.items():
        if not first and (module is None) == isinstance(statement, cst.Import):
            # The statement that keeps the old layout stands first, below its comments.
            written = [entry for entry in group if entry.alias is not None or module is not None]
            added = [entry for entry in group if entry not in written]
            first.append(_reuse(statement, module, written or added))
            rest.extend(_fresh(module, added) if written and added else [])
        else:
            rest.extend(_fresh(module, group))
    return [*first, *rest]


def _text(want: Want) -> str:
    return f"{want.path} as {want.asname}" if want.asname else want.path


def _fresh(module: str | None, group: Sequence[Entry]) -> list[cst.BaseSmallStatement]:
    wants = [entry.want for entry in group if entry.want is not None]
    if module is None:
        lines = [f"import {_text(want)}" for want in wants]
    else:
        lines = [f"from {module} import {', '.join(_text(want) for want in wants)}"]
    found: list[cst.BaseSmallStatement] = []
    for line in lines:
        parsed = cst.parse_statement(line)
        assert isinstance(parsed, cst.SimpleStatementLine)
        found.extend(parsed.body)
    return found


def _reuse(statement: Statement, module: str | None, group: Sequence[Entry]) -> Statement:
    """Put the names of a group into the statement as it is laid out."""
    fresh = _fresh(module, group)
    if isinstance(statement, cst.ImportFrom) and isinstance(statement.names, cst.ImportStar):
        first = fresh[0]
        assert isinstance(first, cst.ImportFrom)
        return statement.with_changes(module=first.module, names=first.names)
    assert not isinstance(statement.names, cst.ImportStar)
    names: list[cst.ImportAlias] = []
    built = [
        alias
        for each in fresh
        if isinstance(each, cst.Import | cst.ImportFrom)
        and not isinstance(each.names, cst.ImportStar)
        for alias in each.names
    ]
    last = statement.names[-1]
    for entry, alias in zip(group, built, strict=True):
        if entry.alias is None:
            names.append(alias)
            continue
        old = statement.names[entry.alias]
        if entry.kept:
            names.append(old)
        else:
            asname = alias.asname
            if asname is not None and old.asname is not None:
                asname = old.asname.with_changes(name=asname.name)
            names.append(old.with_changes(name=alias.name, asname=asname))
    layout = statement.names[0].comma if len(statement.names) > 1 else cst.MaybeSentinel.DEFAULT
    plain = cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))
    for index, alias in enumerate(names):
        if index == len(names) - 1:
            comma: cst.Comma | cst.MaybeSentinel = last.comma
        elif isinstance(alias.comma, cst.Comma) and alias is not last and not _closes(alias, last):
            comma = alias.comma
        else:
            comma = layout if isinstance(layout, cst.Comma) else plain
            if isinstance(comma, cst.Comma):
                comma = _without_comment(comma)
        names[index] = alias.with_changes(comma=comma)
    if isinstance(statement, cst.Import):
        return statement.with_changes(names=names)
    first = fresh[0]
    assert isinstance(first, cst.ImportFrom)
    changes: dict[str, object] = {"names": names}
    if module != _as_written(statement, 0).module:
        changes |= {"module": first.module, "relative": first.relative}
    return statement.with_changes(**changes)


def _closes(alias: cst.ImportAlias, last: cst.ImportAlias) -> bool:
    """Tell whether an alias stood last, so that its comma belongs to the closing parenthesis."""
    return alias.comma is last.comma


def _without_comment(comma: cst.Comma) -> cst.Comma:
    space = comma.whitespace_after
    if isinstance(space, cst.ParenthesizedWhitespace) and space.first_line.comment is not None:
        line = space.first_line.with_changes(comment=None, whitespace=cst.SimpleWhitespace(""))
        return comma.with_changes(whitespace_after=space.with_changes(first_line=line))
    return comma
