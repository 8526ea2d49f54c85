#!/usr/bin/env bash
# A launcher for `forge worker spawn --launcher PATH`: makes the tmux session that it is told, starts an agent in it, and answers
# with one JSON object. It is called as
#     LAUNCHER SESSION --session-name=SESSION --model=MODEL --workspace=DIR [--bead-ref=ID]
# and finds the same in FORGE_WORKER_ID, FORGE_SESSION, FORGE_MODEL, FORGE_WORKSPACE, FORGE_ASSIGNED_BEAD. `tmux` reaches the
# server of Forge by the variable TMUX, and a session without a command of its own runs under the shim of Forge.
set -euo pipefail

session="$1"

fail() {
    printf '{"pid": 0, "session": "", "error": "%s"}\n' "$1"
    exit 1
}

tmux new-session -d -s "$session" -c "$FORGE_WORKSPACE" || fail "tmux made no session"

# AGENT_COMMAND is quoted for a shell already. `-l` sends it as it is, so that no part of it is taken for the name of a key.
tmux send-keys -t "=$session:" -l "$AGENT_COMMAND"
tmux send-keys -t "=$session:" Enter

pid="$(tmux display-message -p -t "=$session:" '#{pane_pid}')"
printf '{"pid": %s, "session": "%s", "model": "%s"}\n' "$pid" "$session" "$FORGE_MODEL"
