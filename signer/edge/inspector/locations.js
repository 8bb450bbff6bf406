// The simulated edge locations: which version each serves, whom it trusts, how far behind it is.

import { code, el, visible } from "./dom.js";
import { distance, span } from "./times.js";

const panel = document.getElementById("locations");
const summary = document.getElementById("locations-summary");
const rows = document.getElementById("locations-rows");
const problem = document.getElementById("locations-problem");
let shown = "";

// Times are the edge's own, whose clock need not be the browser's.
let offset = 0;

export async function refresh() {
  const answer = await fetch("/locations");
  const progress = await answer.json();
  if (!progress) return;
  offset = Date.now() / 1000 - progress.now;
  const text = JSON.stringify({ ...progress, now: null });
  if (text === shown) return;
  shown = text;
  const behind = progress.locations.filter((location) => location.catches_up !== null).length;
  panel.hidden = false;
  summary.textContent = behind === 0 ? `all serve version ${progress.newest}` : `${behind} of ${progress.locations.length} not yet at version ${progress.newest}`;
  summary.className = behind === 0 ? "tag current" : "tag behind";
  problem.hidden = progress.problem === null;
  problem.textContent = progress.problem === null ? "" : `The last configuration is kept: ${visible(progress.problem)}`;
  rows.replaceChildren(...progress.locations.map((location) => row(location, progress.newest)));
}

function row(location, newest) {
  const moment = (seconds) => el("span", { "data-moment": String(seconds + offset) }, distance(seconds + offset, Date.now() / 1000));
  const late = location.catches_up !== null;
  const trusted = Object.entries(location.trusted).map(([group, ids]) =>
    el("span", { class: "trusted" }, el("span", { class: "quiet" }, visible(group), " "), ids.map((id) => [code(id), " "]).flat()));
  return el("tr", { class: late ? "behind" : "current" },
    el("th", { scope: "row" }, code(location.name)),
    el("td", { "data-label": "Delay" }, location.delay === 0 ? "none" : span(location.delay)),
    el("td", { "data-label": "Serves" }, `version ${location.version}`),
    el("td", { "data-label": "Trusts" }, trusted.length === 0 ? el("span", { class: "quiet" }, "no key") : trusted),
    el("td", { "data-label": "Since" }, moment(location.since)),
    el("td", { "data-label": "State", class: "state" }, late ? [`version ${newest} `, moment(location.catches_up)] : "caught up"));
}
