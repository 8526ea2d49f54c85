"""What an expression of Prometheus asks for: names, labels and the values that labels are compared with."""

import re

# What Prometheus makes by itself, and the labels that it gives to everything.
OWN = {"up", "scrape_duration_seconds", "ALERTS"}
GIVEN = {"job", "instance", "alertname", "alertstate", "__name__"}
WORDS = {"and", "or", "unless", "by", "without", "on", "ignoring", "group_left", "group_right", "offset", "bool"}
MATCHER = re.compile(r'(\w+)\s*(=~|!~|!=|=)\s*"((?:[^"\\]|\\.)*)"')


def flaws(expression, known, recorded, values):
    """Sentences about names that nobody has, labels that their figures have not, and values that a label never has."""
    listed = re.fullmatch(r"label_values\((\w+), (\w+)\)", expression)
    if listed:
        expression = f"sum by ({listed[2]}) ({listed[1]})"
    expression = re.sub(r"#.*", "", expression)
    asked = set()
    # A selector: a name, and the matchers that may follow it.
    for name, matchers in re.findall(r'([a-zA-Z_:][\w:]*)\s*(\{[^}]*\})', expression):
        asked.add(name)
        labels = known.get(name, set()) | GIVEN
        for label, _, value in MATCHER.findall(matchers):
            if name in known and label not in labels:
                yield f"{name} has no label `{label}`"
            if label in values and re.fullmatch(r"[\w|+.]+", value) and not value.startswith("."):
                for one in set(value.split("|")) - values[label]:
                    yield f"`{label}` is never `{one}`"
    bare = re.sub(r"\{[^}]*\}|\[[^\]]*\]|\"[^\"]*\"", " ", expression)
    grouped = re.findall(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)", bare)
    bare = re.sub(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)", " ", bare)
    # A name before a bracket is a function, and what begins with a digit is a number or a time.
    asked |= set(re.findall(r"(?<![\w.])([a-zA-Z_:][\w:]*)(?!\s*\(|[\w:])", bare)) - WORDS
    for name in sorted(asked - set(known) - recorded - OWN):
        yield f"there is no figure `{name}`"
    # A group is of labels that some figure of the expression has; what is recorded keeps labels of what it was made of.
    there = set().union(GIVEN, *(known.get(name, set()) for name in asked), *(known.values() if asked & recorded else ()))
    for label in sorted({label.strip() for group in grouped for label in group.split(",")} - {""} - there):
        yield f"nothing in `{expression.strip()}` has a label `{label}`"
