"""The five types of columns that a prompt knows, from any declared type."""


def simple_type(declared: str) -> str:
    """Return one of int, real, date, bool, text for any declared type.

    >>> [simple_type(t) for t in ("VARCHAR(20)", "bigint", "decimal(9,2)", "TIMESTAMP", "BIT", "")]
    ['text', 'int', 'real', 'date', 'bool', 'text']
    """
    kind = declared.lower().split("(")[0].strip()
    if any(word in kind for word in ("date", "time")):
        return "date"
    if ("int" in kind and "interval" not in kind and "point" not in kind) or kind in (
        "number",
        "year",
        "serial",
        "bigserial",
    ):
        return "int"
    if any(word in kind for word in ("real", "doub", "float", "decimal", "numeric", "money")):
        return "real"
    if "bool" in kind or kind == "bit":
        return "bool"
    return "text"
