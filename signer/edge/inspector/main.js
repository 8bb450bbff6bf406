// State, the list, the stream of events, and the keyboard.

import { el, visible } from "./dom.js";
import { isRefused, kindOf, renderDetail } from "./detail.js";
import { refresh as refreshLocations } from "./locations.js";
import { clockTime, distance } from "./times.js";

const LIMIT = 500;
const SIGNING = ["Expires", "Policy", "Signature", "Key-Pair-Id", "Hash-Algorithm"];
const byId = (id) => document.getElementById(id);
const list = byId("list");
const filter = byId("filter");
const exchanges = new Map();
const rows = new Map();
const held = new Map();
const state = { run: null, selected: null, deniedOnly: false, paused: false, cleared: 0, shown: "" };

function put(exchange) {
  if (exchange.number <= state.cleared) return;
  if (state.paused && !exchanges.has(exchange.number)) {
    held.set(exchange.number, exchange);
    return;
  }
  exchanges.set(exchange.number, exchange);
  const row = rowFor(exchange);
  const present = rows.get(exchange.number);
  rows.set(exchange.number, row);
  if (present) present.replaceWith(row);
  else list.prepend(row);
  row.hidden = !matches(exchange);
  for (const number of exchanges.keys()) {
    if (exchanges.size <= LIMIT) break;
    forget(number);
  }
}

function forget(number) {
  exchanges.delete(number);
  rows.get(number)?.remove();
  rows.delete(number);
  if (state.selected === number) state.selected = null;
}

// Signing parameters would crowd everything else out of the line; the detail shows them.
function ownQuery(exchange) {
  const own = exchange.query.split("&").filter((part) => part && !SIGNING.includes(part.split("=")[0]));
  return own.length > 0 ? `?${own.join("&")}` : "";
}

function credentialsTag(exchange) {
  if (!exchange.decision) return null;
  const found = { url: "URL", cookies: "cookies" }[exchange.decision.transport] ?? "unsigned";
  return el("span", { class: "lock", title: "Needs a signature. What the request brought." }, found);
}

function rowFor(exchange) {
  const query = ownQuery(exchange);
  const pattern = exchange.behavior ? exchange.behavior.path_pattern : "";
  return el(
    "li",
    { role: "option", id: `r${exchange.number}`, class: kindOf(exchange), "aria-selected": "false", onclick: () => select(exchange.number, true) },
    el("time", {}, clockTime(exchange.time)),
    el("span", { class: "status" }, exchange.status || "…"),
    el("span", { class: "what" },
      el("span", { class: "target", title: visible(exchange.path + query) }, el("b", {}, visible(exchange.method)), " ", visible(exchange.path), el("span", { class: "quiet" }, visible(query))),
      el("span", { class: "why" }, visible(why(exchange))),
      exchange.location && el("span", { class: "signer" }, signer(exchange))),
    el("span", { class: "pattern", title: visible(pattern) }, credentialsTag(exchange), visible(pattern)),
  );
}

// Only where there are locations, whose question it is: which key is trusted where already?
function signer(exchange) {
  const key = exchange.decision?.key_pair_id;
  return `${exchange.location}, version ${exchange.version}${key ? `, key ${visible(key)}` : ""}`;
}

function why(exchange) {
  const { decision } = exchange;
  if (decision && !decision.allowed) return `${decision.code} · ${exchange.reason}`;
  return exchange.refusal || exchange.failure || (exchange.reason === "served" ? "" : exchange.reason);
}

function matches(exchange) {
  if (state.deniedOnly && !isRefused(exchange)) return false;
  const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
  const text = [exchange.method, exchange.path, exchange.query, exchange.status, why(exchange), exchange.behavior?.path_pattern, exchange.location, exchange.decision?.key_pair_id].join(" ").toLowerCase();
  return words.every((word) => text.includes(word));
}

const shownNumbers = () => [...exchanges.values()].filter(matches).map((exchange) => exchange.number).reverse();

function current() {
  return state.selected ?? shownNumbers()[0] ?? null;
}

function select(number, open = false) {
  state.selected = number;
  document.body.classList.toggle("open", open && number !== null);
  draw();
  rows.get(number)?.scrollIntoView({ block: "nearest" });
}

function draw() {
  const number = current();
  for (const row of list.querySelectorAll("[aria-selected=true]")) row.setAttribute("aria-selected", "false");
  rows.get(number)?.setAttribute("aria-selected", "true");
  if (number === null) list.removeAttribute("aria-activedescendant");
  else list.setAttribute("aria-activedescendant", `r${number}`);
  drawDetail(exchanges.get(number));
  const shown = shownNumbers().length;
  byId("nothing").hidden = shown > 0;
  byId("nothing").textContent = exchanges.size > 0 ? "No request matches the filter." : "No requests yet. Send one to the edge and it appears here.";
  byId("count").textContent = [
    `${shown} of ${exchanges.size} requests`,
    state.paused ? `paused, ${held.size} held back` : state.selected === null ? "following the newest" : "",
  ].filter(Boolean).join(" · ");
}

// Redrawing what has not changed would close what the reader has opened.
function drawDetail(exchange) {
  const text = JSON.stringify(exchange) ?? "";
  if (text === state.shown) return;
  state.shown = text;
  byId("detail").replaceChildren(...renderDetail(exchange, { back: () => select(null), copy }));
  byId("detail").scrollTop = 0;
}

function refilter() {
  for (const [number, row] of rows) row.hidden = !matches(exchanges.get(number));
  draw();
}

async function copy() {
  const exchange = exchanges.get(current());
  if (!exchange) return;
  let outcome = "copied";
  try {
    await navigator.clipboard.writeText(exchange.curl);
  } catch {
    outcome = "the browser does not let this page copy";
  }
  say(outcome);
}

function say(text) {
  const note = el("span", { class: "note", role: "status" }, text);
  document.body.append(note);
  setTimeout(() => note.remove(), 1600);
}

function press(button, pressed) {
  button.setAttribute("aria-pressed", String(pressed));
}

function toggleDenied() {
  state.deniedOnly = !state.deniedOnly;
  press(byId("denied"), state.deniedOnly);
  refilter();
}

function togglePause() {
  state.paused = !state.paused;
  press(byId("pause"), state.paused);
  byId("pause").textContent = state.paused ? "Resume" : "Pause";
  if (!state.paused) {
    for (const exchange of held.values()) put(exchange);
    held.clear();
  }
  draw();
}

function clear() {
  state.cleared = Math.max(state.cleared, ...exchanges.keys(), ...held.keys());
  sessionStorage.setItem("cleared", JSON.stringify([state.run, state.cleared]));
  for (const number of [...exchanges.keys()]) forget(number);
  held.clear();
  select(null);
}

function move(step) {
  const numbers = shownNumbers();
  const index = numbers.indexOf(current());
  const next = numbers[Math.min(Math.max(index + step, 0), numbers.length - 1)];
  if (next !== undefined) select(next);
}

const keys = {
  ArrowDown: () => move(1), j: () => move(1), ArrowUp: () => move(-1), k: () => move(-1),
  "/": () => filter.focus(), d: toggleDenied, p: togglePause, x: clear, c: copy,
  Enter: () => select(current(), true), Escape: () => select(null),
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target === filter) {
    if (event.key === "Escape" || event.key === "Enter") list.focus();
    if (event.key === "Escape") filter.value = "";
    if (event.key === "Escape" || event.key === "Enter") refilter();
    return;
  }
  const onButton = event.target.closest("button, summary") && event.key === "Enter";
  const reading = event.target.closest("#detail") && event.key.startsWith("Arrow");
  if (keys[event.key] && !onButton && !reading) {
    event.preventDefault();
    keys[event.key]();
  }
});

filter.addEventListener("input", refilter);
byId("denied").addEventListener("click", toggleDenied);
byId("pause").addEventListener("click", togglePause);
byId("clear").addEventListener("click", clear);

setInterval(() => {
  for (const node of document.querySelectorAll("[data-moment]")) {
    node.textContent = distance(Number(node.dataset.moment), Date.now() / 1000);
  }
}, 1000);

let followed = false;
function followLocations() {
  // While the edge is gone, what was last known stays; the head of the page says that it is gone.
  const look = () => document.hidden || refreshLocations().catch(() => {});
  look();
  if (!followed) setInterval(look, 1000);
  followed = true;
}

function hello({ run, title, locations }) {
  if (locations) followLocations();
  if (state.run !== null && state.run !== run) {
    state.cleared = 0;
    for (const number of [...exchanges.keys()]) forget(number);
    held.clear();
  }
  state.run = run;
  const [clearedRun, cleared] = JSON.parse(sessionStorage.getItem("cleared") ?? "[null, 0]");
  if (clearedRun === run) state.cleared = cleared;
  byId("edge-url").textContent = title;
  document.title = `Edge inspector ${title}`;
  draw();
}

let scheduled = false;
function connect() {
  const events = new EventSource("/events");
  const connection = byId("connection");
  events.addEventListener("hello", (event) => {
    connection.className = "connection live";
    connection.textContent = "live";
    hello(JSON.parse(event.data));
  });
  events.addEventListener("exchange", (event) => {
    put(JSON.parse(event.data));
    if (scheduled) return;
    scheduled = true;
    setTimeout(() => {
      scheduled = false;
      draw();
    }, 40);
  });
  events.addEventListener("error", () => {
    connection.className = "connection lost";
    connection.textContent = "edge stopped, trying again";
    if (events.readyState === EventSource.CLOSED) setTimeout(connect, 2000);
  });
}

draw();
connect();
