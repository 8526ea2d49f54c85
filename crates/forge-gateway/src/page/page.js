// Follows the events of the server, and has the parts of the page written anew when something has happened.
"use strict";
const state = document.getElementById("state");
let due = false;
let busy = false;

async function renew() {
  if (busy) return;
  busy = true;
  due = false;
  try {
    const reply = await fetch(location.pathname, { headers: { accept: "text/html" } });
    if (!reply.ok) throw new Error(String(reply.status));
    const page = new DOMParser().parseFromString(await reply.text(), "text/html");
    for (const part of page.querySelectorAll("main > section")) {
      const here = document.getElementById(part.id);
      // What somebody reads with the keyboard stays where it is.
      if (!here || here.contains(document.activeElement) || here.innerHTML === part.innerHTML) continue;
      const scrolled = [...here.querySelectorAll(".wide")].map((one) => [one.scrollLeft, one.scrollTop]);
      here.innerHTML = part.innerHTML;
      [...here.querySelectorAll(".wide")].forEach((one, at) => scrolled[at] && one.scrollTo(...scrolled[at]));
    }
    const now = page.getElementById("state");
    if (now) state.textContent = now.textContent;
    document.documentElement.dataset.follows = "yes";
  } catch (error) {
    state.textContent = "the server does not answer";
  }
  busy = false;
}

// Once a second at most, however much happens.
setInterval(() => due && renew(), 1000);
const events = new EventSource("/v1/forge/events");
for (const kind of ["call.started", "call.ended", "call.failed_over", "circuit.changed", "budget.warned", "budget.exceeded",
  "session.started", "session.stage", "session.finding_counts", "session.paused", "session.waiting", "session.contributed",
  "session.ended", "workflow.stage", "server.reloaded"]) {
  events.addEventListener(kind, () => { due = true; });
}
events.addEventListener("open", () => { due = true; });
events.addEventListener("error", () => { state.textContent = "the server does not answer"; });
