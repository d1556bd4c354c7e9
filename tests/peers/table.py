# SPDX-License-Identifier: GPL-3.0-or-later
"""The Markdown table of benchmark rows, ours and others'."""

OURS = "eigenscape"
COLUMNS = ("model", "case", "library", "device", "threads", "images", "seconds", "× ours", "products", "error",
           "peak MB", "note")
CASES = ("product", "gradient", "top-1", "top-5", "top-20", "trace", "layer-traces", "density")
RESIDUAL = 1e-3
STANDARD_ERRORS = {"trace": 0.02, "layer-traces": 0.05}
# What two rows have in common that may be compared. A file from before a column was written has its default;
# tests/bench/cases.cpp has the same list.
PLACE = ("model", "case", "threads", "images", "batch", "device", "probes")
DEFAULTS = {"images": 512, "batch": 256, "device": "cpu", "probes": 10}


def entry(row, name):
    """An entry or its default; probes are the density's alone."""
    if name == "probes" and row["case"] != "density":
        return None
    value = row.get(name)
    return DEFAULTS.get(name) if value is None else value


def place(row):
    return tuple(entry(row, name) for name in PLACE)


def key(row):
    """What a row is found by: a new one replaces it."""
    return (row["library"], *place(row))


def reached(row):
    """Whether the row got as far as the case asks; a time to elsewhere is no time to compare."""
    if row["seconds"] is None:
        return False
    if row["case"].startswith("top-"):
        return row.get("residual") is not None and row["residual"] <= RESIDUAL
    if row["case"] in STANDARD_ERRORS and row.get("standard_error") is not None:
        return row["standard_error"] <= STANDARD_ERRORS[row["case"]]
    return True


def error(row):
    if row.get("residual") is not None:
        return f"residual {row['residual']:.1e}"
    if row.get("standard_error") is not None:
        return f"± {100 * row['standard_error']:.1f} %"
    return "not measured" if row["case"].startswith("top-") and row["seconds"] is not None else ""


def ratio(row, ours):
    """The row's seconds over ours, in brackets where one of the two fell short of the case's target."""
    own = ours.get(place(row))
    if not own or row is own or not row["seconds"] or not own["seconds"]:
        return ""
    text = f"{row['seconds'] / own['seconds']:.2f}"
    return text if reached(row) and reached(own) else f"({text})"


def cells(row, ours):
    seconds = "–" if row["seconds"] is None else f"{row['seconds']:{'.3g' if row['seconds'] < 100 else '.0f'}}"
    peak = row.get("peak_mb")
    products = row.get("products")
    library = " ".join(part for part in (row["library"], row.get("version")) if part)
    images = f"{entry(row, 'images')} in {entry(row, 'batch')}s"
    return [row["model"], row["case"], library, entry(row, "device"), str(row["threads"]), images, seconds,
            ratio(row, ours),
            "" if products is None else str(products), error(row), "" if peak is None else f"{peak:.0f}",
            row.get("note") or ""]


def print_table(rows):
    """Sorted by model, case and library, ours first. Prints which PyTorch the rows come from below."""
    ours = {place(row): row for row in rows if row["library"] == OURS}
    models = list(dict.fromkeys(row["model"] for row in rows))
    rows = sorted(rows, key=lambda row: (models.index(row["model"]), CASES.index(row["case"]), row["library"] != OURS))
    print("| " + " | ".join(COLUMNS) + " |")
    print("| " + " | ".join("---" for _ in COLUMNS) + " |")
    for row in rows:
        print("| " + " | ".join(cells(row, ours)) + " |")
    versions = sorted({f"{row['library'].partition(' (')[0]}: {row['torch']}" for row in rows if row.get("torch")})
    print("\nPyTorch of " + ", ".join(versions))
