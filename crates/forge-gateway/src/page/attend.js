// What somebody says in a session, and what becomes of it.
"use strict";
const attend = document.getElementById("attend");
const field = (name) => attend.elements[name];
field("by").value = localStorage.getItem("forge.name") || "";
let base = 0;

async function send(command) {
  const by = field("by").value.trim();
  if (by) command.by = by;
  localStorage.setItem("forge.name", by);
  const headers = { "content-type": "application/json" };
  const reply = await fetch(attend.dataset.path, { method: "POST", headers, body: JSON.stringify(command) });
  const answer = await reply.json();
  document.getElementById("said").textContent = reply.ok ? "It is done." : answer.error.message;
  due = true;
  return answer;
}

// Where a decision is waited for it is one; else what stands beside it is meant.
function decide(decision, otherwise) {
  const waits = document.getElementById("waits");
  if (waits) return send({ command: "decide", cycle: Number(waits.dataset.cycle), decision });
  if (otherwise) return send(otherwise);
  document.getElementById("said").textContent = "The session goes on, and waits for no decision.";
}

function change(text, version) {
  base = version;
  field("base").value = String(version);
  field("text").value = text;
  document.getElementById("change").hidden = false;
}

async function edit() {
  const { error } = await send({ command: "edit", version: base, text: field("text").value });
  const conflict = error && error.type === "edited";
  document.getElementById("theirs").hidden = !conflict;
  if (conflict) {
    field("theirs").value = error.text;
    change(error.yours, error.version);
  } else if (!error) {
    document.getElementById("change").hidden = true;
  }
}

const acts = {
  feedback: () => decide({ feedback: field("feedback").value }, { command: "feedback", text: field("feedback").value }),
  continue: () => decide("continue"),
  skip: () => decide("skip", { command: "skip" }),
  pause: () => send({ command: "pause" }),
  resume: () => send({ command: "resume" }),
  abort: () => send({ command: "abort" }),
  change: () => {
    const shown = document.getElementById("document");
    if (shown) change(shown.textContent, Number(shown.dataset.version));
  },
  edit,
};
attend.addEventListener("submit", (event) => event.preventDefault());
attend.addEventListener("click", async (event) => {
  const act = event.target.tagName === "BUTTON" && acts[event.target.value];
  if (!act) return;
  try {
    await act();
  } catch (error) {
    document.getElementById("said").textContent = "the server does not answer";
  }
});
