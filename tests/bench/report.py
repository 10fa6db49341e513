"""The table: a line for each figure, a column for each server, medians, and ours beside each."""

from tests.bench.figures import Results, Row

OURS = "collab"


def table(results: Results, servers: list[str]) -> str:
    """Markdown. After a peer's median: how many times better ours is (below 1: worse)."""
    present = [name for name in servers if any(name in row.values for row in results.rows.values())]
    lines = [
        "| | | " + " | ".join(present) + " |",
        "|---|---|" + "---:|" * len(present),
    ]
    case = ""
    for row in results.rows.values():
        label = row.case if row.case != case else ""
        case = row.case
        cells = " | ".join(_cell(row, name) for name in present)
        lines.append(f"| {label} | {row.what}, {row.unit} | {cells} |")
    return "\n".join(lines)


def _cell(row: Row, server: str) -> str:
    if server not in row.values:
        return "–"
    median = row.median(server)
    reached, rounds = row.rounds(server)
    of = f" in {reached} of {rounds}" if reached < rounds else ""
    if median is None:
        return f"fails{of}" if reached else "fails"
    ratio = row.ratio(_counterpart(server), server)
    beside = f" ({_ratio(ratio)}×)" if ratio is not None else ""
    return f"{in_digits(median)}{row.marks.get(server, '')}{beside}{of}"


def _ratio(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"


def _counterpart(server: str) -> str:
    """Which of ours is compared with it; none with another of ours, or with no real server."""
    if server.startswith(OURS) or server == "reflector":
        return ""
    return f"{OURS}-two" if server.endswith("-two") else OURS


def in_digits(value: float) -> str:
    """Three digits, or all before the point."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
