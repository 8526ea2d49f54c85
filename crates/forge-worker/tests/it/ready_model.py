"""The ready rules again, written from their description and not from the code: for each graph of a line of JSON, the ids
that can be begun, sorted. Slow and plain on purpose: it asks for every bead anew, and knows no order of evaluation."""

import json
import sys

BLOCKING = ("blocks", "conditional-blocks", "waits-for")


def ready(beads, now):
    by_id = {bead["id"]: bead for bead in beads}

    def done(name):
        return name in by_id and by_id[name].get("status", "open") in ("closed", "tombstone")

    def rows(bead):
        return bead.get("dependencies") or []

    def waits(bead):
        return any(row["type"] in BLOCKING and not done(row["depends_on_id"]) for row in rows(bead))

    def ancestors(name):
        seen, todo = set(), [name]
        while todo:
            bead = by_id.get(todo.pop())
            if bead is None:
                continue
            for row in rows(bead):
                parent = row["depends_on_id"]
                # What a parent waits for ends when the parent is closed.
                if row["type"] == "parent-child" and parent not in seen and not done(parent):
                    seen.add(parent)
                    todo.append(parent)
        return seen

    def blocked(name):
        line = [name, *ancestors(name)]
        return any(one in by_id and waits(by_id[one]) for one in line)

    def free(bead):
        return (
            bead.get("status", "open") == "open"
            and not (bead.get("defer_until") or "") > now
            and not bead.get("pinned")
            and not bead.get("ephemeral")
            and not bead.get("is_template")
        )

    return sorted(bead["id"] for bead in beads if free(bead) and not blocked(bead["id"]))


for line in sys.stdin:
    graph = json.loads(line)
    print(json.dumps(ready(graph["beads"], graph["now"])), flush=True)
