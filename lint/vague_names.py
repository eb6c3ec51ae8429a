"""Count names that say that a value exists, and not what it is; fail where there are too many.

A name such as `found` or `one` can stand for anything; `search_result` and `actor_rows` say what
the value is. Counted are names that code binds: variables, parameters, functions, classes, fields.
"""

import ast
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

# fmt: off
VAGUE = frozenset({
    "answers", "asked", "brought", "chances", "chosen", "each", "found", "gave", "given", "gone",
    "heard", "held", "here", "judge", "judged", "kept", "left", "made", "one", "ones", "said",
    "seen", "settled", "taken", "ten", "there", "told", "tried", "whole",
})
# fmt: on
#: a handful may stay, where the word is exact
ALLOWED = 15
FOLDERS = ("avemo", "pipelines", "benchmarks", "faults", "lint")


def bound_names(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Yield each name that a module's code binds, with its line."""
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name, ctx=ast.Store()) | ast.arg(arg=name):
                yield name, node.lineno
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield name, node.lineno
            case ast.ClassDef(name=name):
                yield name, node.lineno
            case ast.Attribute(attr=name, ctx=ast.Store()):
                yield name, node.lineno


def main(root: Path, *, show: bool) -> int:
    """Return the exit code."""
    counts: Counter[str] = Counter()
    for folder in FOLDERS:
        for file in sorted((root / folder).rglob("*.py")):
            for name, line in bound_names(ast.parse(file.read_text(encoding="utf-8"))):
                word = name.strip("_").lower()
                if word in VAGUE:
                    counts[word] += 1
                    if show:
                        print(f"{file.relative_to(root)}:{line}: {name}")
    total = counts.total()
    listed = ", ".join(f"{word} {count}" for word, count in counts.most_common())
    print(f"vague names: {total} of at most {ALLOWED}" + (f" ({listed})" if listed else ""))
    if total > ALLOWED:
        print("  say what each value is (CONTRIBUTING.md): python lint/vague_names.py --show")
    return int(total > ALLOWED)


if __name__ == "__main__":
    sys.exit(main(Path(__file__).parents[1], show="--show" in sys.argv))
