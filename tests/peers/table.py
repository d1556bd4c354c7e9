# SPDX-License-Identifier: GPL-3.0-or-later
"""The Markdown table of benchmark rows, ours and others'."""

OURS = "eigenscape"
COLUMNS = ("model", "case", "library", "threads", "seconds", "× ours", "products", "error", "peak MB", "note")
CASES = ("product", "gradient", "top-1", "top-5", "top-20", "trace", "layer-traces", "density")
RESIDUAL = 1e-3
STANDARD_ERRORS = {"trace": 0.02, "layer-traces": 0.05}


def reached(row):
    """Whether the row got as far as the case asks; a time to elsewhere is no time to compare."""
    if row["seconds"] is None:
        return False
    if row.get("residual") is not None:
        return row["residual"] <= RESIDUAL
    if row["case"] in STANDARD_ERRORS and row.get("standard_error") is not None:
        return row["standard_error"] <= STANDARD_ERRORS[row["case"]]
    return True


def error(row):
    if row.get("residual") is not None:
        return f"residual {row['residual']:.1e}"
    if row.get("standard_error") is not None:
        return f"± {100 * row['standard_error']:.1f} %"
    return ""


def ratio(row, ours):
    """The row's seconds over ours, in brackets where one of the two fell short of the case's target."""
    own = ours.get((row["model"], row["case"], row["threads"]))
    if not own or row is own or not row["seconds"] or not own["seconds"]:
        return ""
    text = f"{row['seconds'] / own['seconds']:.2f}"
    return text if reached(row) and reached(own) else f"({text})"


def cells(row, ours):
    seconds = "–" if row["seconds"] is None else f"{row['seconds']:{'.3g' if row['seconds'] < 100 else '.0f'}}"
    peak = row.get("peak_mb")
    products = row.get("products")
    library = " ".join(part for part in (row["library"], row.get("version")) if part)
    return [row["model"], row["case"], library, str(row["threads"]), seconds, ratio(row, ours),
            "" if products is None else str(products), error(row), "" if peak is None else f"{peak:.0f}",
            row.get("note") or ""]


def print_table(rows):
    """Sorted by model, case and library, ours first. Prints which PyTorch the rows come from below."""
    ours = {(row["model"], row["case"], row["threads"]): row for row in rows if row["library"] == OURS}
    models = list(dict.fromkeys(row["model"] for row in rows))
    rows = sorted(rows, key=lambda row: (models.index(row["model"]), CASES.index(row["case"]), row["library"] != OURS))
    print("| " + " | ".join(COLUMNS) + " |")
    print("| " + " | ".join("---" for _ in COLUMNS) + " |")
    for row in rows:
        print("| " + " | ".join(cells(row, ours)) + " |")
    versions = sorted({f"{row['library'].partition(' (')[0]}: {row['torch']}" for row in rows if row.get("torch")})
    print("\nPyTorch of " + ", ".join(versions))
