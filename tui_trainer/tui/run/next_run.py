"""The line about the form's next run: what it has in another way than the run that is shown."""


def next_run_text(changes: dict[str, str], start_key: str, width: int) -> str:
    """Write a line about the next run; where there is no room, it counts what it leaves out."""
    if not changes:
        return ""
    parts = list(changes.values())
    for lead, hint in (("next run", f" · {start_key} starts it"), ("next run", ""), ("next", "")):
        text = f" › {lead}: {' · '.join(parts)}{hint}"
        if len(text) <= width:
            return text
    for count in range(len(parts) - 1, 0, -1):
        text = f" › next: {' · '.join(parts[:count])} +{len(parts) - count}"
        if len(text) <= width:
            return text
    return f" › next run: {len(parts)} changes"[:width]
