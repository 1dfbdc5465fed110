"""Texts that would touch a file if anything of ours ran them, by the door that they knock at."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mlops_dagster_tests.spec.worlds import DEV, HOOKS, PROJECT, SQL, USE_CASE

# What a payload writes there, or reads from there.
MARK, SECRET = "{mark}", "{secret}"


@dataclass(frozen=True)
class Payload:
    """A project with something hostile in one of its files.

    Attributes:
        kind: What is tried.
        name: The trial.
        file: The file of the project that is changed.
        old: What stands there in the sound project.
        new: What stands there now; `{mark}` and `{secret}` are absolute paths.
        says: A part of the mistake that is told; None for what is data and stays data.
    """

    kind: str
    name: str
    file: str
    old: str
    new: str
    says: str | None

    def files(self, folder: Path) -> dict[str, str]:
        """Return the changed file with its marks below a folder."""
        new = self.new.replace(MARK, str(folder / "mark")).replace(SECRET, str(folder / "secret"))
        text = PROJECT[self.file]
        assert text.count(self.old) == 1, self.old
        return {self.file: text.replace(self.old, new)}


_TOUCH = f"touch {MARK}"
_TAGS = {
    "apply os.system": "!!python/object/apply:os.system",
    "apply subprocess": "!!python/object/apply:subprocess.check_output",
    "new": "!!python/object/new:os.system",
    "object": "!!python/object:pathlib.Path",
    "name": "!!python/name:os.system",
    "module": "!!python/module:os",
    "verbose tag": "!<tag:yaml.org,2002:python/object/apply:os.system>",
    "include": "!include",
    "environment": "!ENV",
    "binary": "!!binary",
}
_BOMB = "\n".join(
    ["x0: &x0 [a, a, a, a, a, a, a, a, a, a]"]
    + [f"x{n}: &x{n} [{', '.join([f'*x{n - 1}'] * 10)}]" for n in range(1, 12)]
)
_MERGES = "\n".join(
    ["x0: &x0 {k0: a}"]
    + [f"x{n}: &x{n} {{<<: [{', '.join([f'*x{n - 1}'] * 10)}], k{n}: a}}" for n in range(1, 12)]
)

YAML = [
    *(
        Payload("YAML", name, USE_CASE, "alerts: [drift]", f"alerts: {tag} ['{_TOUCH}']", "the tag")
        for name, tag in _TAGS.items()
    ),
    *(
        Payload("YAML", name, USE_CASE, "alerts: [drift]", text, says)
        for name, text, says in [
            ("a bomb of aliases", _BOMB, "more than 50000 values"),
            ("a bomb of merges", _MERGES, "more than 50000 values"),
            ("an alias of itself", "alerts: &a [*a]", "an alias inside its own anchor"),
            ("deep nesting", f"alerts: {'[' * 5000}", "nested deeper than 40 levels"),
            ("a huge scalar", f"alerts: {'x' * 30_000}", "more than the 20000 allowed"),
            ("a second document", "alerts: [drift]\n---\na: 1", "a second document"),
            ("a key twice", "alerts: [drift]\nalerts: [quality]", "alerts"),
            ("an escape of the terminal", "alerts: [\x1b[2J]", "is not allowed in YAML"),
        ]
    ),
    *(
        Payload("YAML", f"a name {what}", USE_CASE, "name: deliveries", f'name: "{name}"', "name:")
        for what, name in [
            ("with a Cyrillic letter", "d\u0435liveries"),
            ("with a space of no width", "deli\u200bveries"),
            ("written right to left", "\u202edeliveries"),
            ("in wide letters", "\uff44eliveries"),
            ("of a device", "con/../nul"),
        ]
    ),
    *(
        Payload(
            "YAML", f"an expansion {text[:4]}", USE_CASE, "nulls: [NA]", f"nulls: ['{text}']", None
        )
        for text in (
            f"$({_TOUCH})",
            f"`{_TOUCH}`",
            f"${{IFS}}{_TOUCH}",
            '{{ cycler.__init__.__globals__.os.popen("' + _TOUCH + '") }}',
            "%(name)s {0.__class__.__init__.__globals__}",
            "${jndi:ldap://127.0.0.1:9/x}",
        )
    ),
]

_SELECTS: Mapping[str, tuple[str, str]] = {
    "a second statement": ("SELECT 1 AS order_id FROM orders; DROP TABLE orders", "SELECT"),
    "write a folder": (f"INSERT OVERWRITE DIRECTORY '{MARK}' USING csv SELECT 1 AS a", "SELECT"),
    "make a table": (f"CREATE TABLE t USING csv LOCATION '{MARK}' AS SELECT 1 AS a", "SELECT"),
    "read a file": (f"SELECT * FROM text.`{SECRET}`", "a table is named only as declared"),
    "read a file by quotes": (
        f"SELECT * FROM `text`.`file://{SECRET}`",
        "a table is named only as declared",
    ),
    "read a file by a function": (f"SELECT * FROM read_files('{SECRET}')", ""),
    "a table of others": (
        "SELECT * FROM deliveries.silver.arrivals",
        "a table is named only as declared",
    ),
    "the catalog": (
        "SELECT * FROM system.information_schema.tables",
        "a table is named only as declared",
    ),
    "reflection": (
        "SELECT reflect('java.lang.System', 'getenv', 'HOME') AS h FROM orders",
        "reflect",
    ),
    "tried reflection": (
        "SELECT try_reflect('java.lang.System', 'getenv', 'HOME') AS h FROM orders",
        "try_reflect",
    ),
    "a method of Java": (
        "SELECT java_method('java.lang.Runtime', 'exit', '1') AS h FROM orders",
        "java_method",
    ),
    "a script": (f"SELECT TRANSFORM (a) USING 'touch {MARK}' AS (b) FROM orders", ""),
    "a library": (f"ADD JAR '{MARK}'", "SELECT"),
    "a setting": ("SET spark.sql.ansi.enabled = false", "SELECT"),
    "a function of its own": ("CREATE FUNCTION f AS 'java.lang.Runtime'", "SELECT"),
    "comments around": ("SELECT 1 AS a FROM orders /* ; */; /* */ DROP TABLE orders", "SELECT"),
    "a hint": ("SELECT /*+ BROADCAST(orders) */ order_id FROM orders", "hint"),
    "a table in a subquery": (
        f"SELECT (SELECT max(value) FROM text.`{SECRET}`) AS s FROM orders",
        "a table is named only as declared",
    ),
    "a table in a name": (
        f"WITH orders AS (SELECT * FROM text.`{SECRET}`) SELECT * FROM orders",
        "taken already",
    ),
    "an identifier made of a text": ("SELECT * FROM IDENTIFIER('a.b')", ""),
    "a variable": ("SELECT ${env:HOME} AS a FROM orders", ""),
}

SELECTS = [
    Payload("SQL", name, SQL, PROJECT[SQL], f"{text}\n", says or SQL)
    for name, (text, says) in _SELECTS.items()
]

_RULES = {
    "a statement": "weight > 0; DROP TABLE orders",
    "a comment": "weight > 0 -- and the rest",
    "a subquery": f"weight in (select value from text.`{SECRET}`)",
    "reflection": "reflect('java.lang.Runtime', 'getRuntime') is not null",
    "an attribute": "weight.__class__.__init__ > 0",
    "a call of Python": f"__import__('os').system('touch {MARK}') = 0",
    "an evaluation": f"eval('touch {MARK}') = 1",
    "a lambda": "(lambda: 1)() = 1",
    "a string method that is none": f"city.str.__init__('{MARK}')",
    "an unclosed text": "city = 'x",
    "a huge pattern": f"city rlike '{'(a' * 3000}'",
    "deep nesting": "(" * 3000 + "weight",
}

RULES = [
    Payload(
        "rules",
        name,
        USE_CASE,
        "      - weight > 0\n",
        f'      - rule: "{text}"\n        name: hostile\n',
        "rules[1]",
    )
    for name, text in _RULES.items()
]

_NAMES: list[tuple[str, str, str, str]] = [
    ("a use case", USE_CASE, "name: deliveries", "name: ../../mark"),
    (
        "a table",
        USE_CASE,
        "  silver.arrivals:\n    inputs: {a",
        "  silver.../mark:\n    inputs: {a",
    ),
    ("a model", USE_CASE, "  late:\n", '  "../mark":\n'),
    ("files above the landing folder", USE_CASE, '"orders/{window}.csv"', f'"../{SECRET}"'),
    ("files elsewhere", USE_CASE, '"orders/{window}.csv"', f'"{SECRET}"'),
    ("files at an address", USE_CASE, '"orders/{window}.csv"', '"file:///etc/{window}.csv"'),
    ("files by a home", USE_CASE, '"orders/{window}.csv"', '"~/{window}.csv"'),
    ("files with NUL", USE_CASE, '"orders/{window}.csv"', '"orders/\\0{window}.csv"'),
    ("a hook", USE_CASE, "hook: city_history", "hook: ../mark"),
    ("a hook of a module", USE_CASE, "hook: city_history", "hook: os.system"),
    ("a hook of the language", USE_CASE, "hook: city_history", "hook: __import__"),
    ("an environment", DEV, "name: dev", "name: ../mark"),
    ("a variable", DEV, "landing: landing", 'landing: landing\nstate: {address_variable: "../x"}'),
]

NAMES = [
    Payload("names and paths", name, file, old, new, file.rpartition("/")[2])
    for name, file, old, new in _NAMES
]

_CODE: list[tuple[str, str]] = [
    ("at import", f"import pathlib\npathlib.Path({MARK!r}).touch()\n"),
    ("in a decorator", f"@(lambda f: open({MARK!r}, 'w'))\ndef f(): ...\n"),
    ("in a default", f"def f(a=open({MARK!r}, 'w')): ...\n"),
    ("in a class", f"class A:\n    open({MARK!r}, 'w')\n"),
    ("by leaving", "raise SystemExit(7)\n"),
]

CODE = [
    Payload("hooks", f"code that runs {name}", HOOKS, PROJECT[HOOKS], PROJECT[HOOKS] + code, None)
    for name, code in _CODE
]

PAYLOADS = (*YAML, *SELECTS, *RULES, *NAMES, *CODE)
