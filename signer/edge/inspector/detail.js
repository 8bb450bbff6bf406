// The selected request: what was decided, why, and what reached the origin.

import { code, el, facts, section, visible } from "./dom.js";
import { bytes, distance, duration, local, span, utc } from "./times.js";

export function isRefused(exchange) {
  const { decision } = exchange;
  return Boolean(decision && !decision.allowed) || exchange.refusal !== null || exchange.status === 403;
}

export function kindOf(exchange) {
  if (exchange.status === 0) return "waiting";
  if (isRefused(exchange)) return "refused";
  return exchange.failure || exchange.status >= 400 ? "failed" : "served";
}

export function renderDetail(exchange, actions) {
  if (!exchange) {
    return [el("p", { class: "nothing" }, "Select a request to see how it was decided.")];
  }
  const { decision } = exchange;
  return [
    verdict(exchange, actions),
    decision && decision.sections && !decision.allowed && sections(decision),
    decision && checks(decision),
    decision && decision.policy && policy(exchange, decision),
    decision && decision.sections && decision.allowed && sections(decision),
    decision && decision.key_pair_id && credentials(decision),
    decision && decision.assumptions.length > 0 && assumptions(decision),
    origin(exchange),
    request(exchange),
    curl(exchange, actions),
  ].filter(Boolean);
}

function verdict(exchange, actions) {
  const [kicker, title] = words(exchange);
  const { decision, behavior } = exchange;
  const tags = [
    el("span", { class: "status" }, exchange.status || "…"),
    decision && decision.code && code(decision.code, "tag"),
    code(exchange.reason, "tag quiet"),
    behavior && el("span", { class: "tag quiet" }, "behavior ", code(behavior.path_pattern)),
    decision && decision.key_pair_id && el("span", { class: "tag quiet" }, "key ", code(decision.key_pair_id)),
    exchange.location && el("span", { class: "tag quiet" }, "location ", code(exchange.location)),
  ];
  return el(
    "div",
    { class: `verdict ${kindOf(exchange)}` },
    el("button", { type: "button", class: "back", onclick: actions.back }, "‹ All requests"),
    el("p", { class: "tags" }, tags),
    el("h2", {}, visible(title)),
    el("p", { class: "kicker" }, kicker),
    exchange.hints.length > 0 && el("ul", { class: "hints" }, exchange.hints.map((hint) => el("li", {}, visible(hint)))),
  );
}

function words(exchange) {
  const { decision } = exchange;
  if (decision && !decision.allowed) return ["Refused by the signature check", decision.detail];
  if (exchange.refusal) return ["Refused before the origin was asked", exchange.refusal];
  const checked = decision
    ? decision.detail
    : "This behavior has no trusted key groups, so no signature was checked.";
  if (exchange.failure) return [checked, exchange.failure];
  if (exchange.status === 0) return [checked, "Waiting for the origin"];
  if (exchange.status >= 400) return [checked, `The origin answered ${exchange.status}`];
  return [checked, exchange.aborted ? "Served until the viewer left" : "Served"];
}

function checks(decision) {
  const made = decision.checks.map((check) =>
    el(
      "li",
      { class: check.passed ? "passed" : "stopped" },
      el("span", { class: "mark", "aria-label": check.passed ? "passed" : "failed" }, check.passed ? "✓" : "✗"),
      el("b", {}, visible(check.name)),
      el("span", {}, visible(check.detail)),
    ),
  );
  const rest = decision.not_reached.map((name) =>
    el("li", { class: "unreached" }, el("span", { class: "mark", "aria-label": "not reached" }, "·"), el("b", {}, name), el("span", {}, "not reached")),
  );
  if (made.length === 0) return null;
  return section("Checks, in CloudFront's order", el("ol", { class: "checks" }, made, rest));
}

function policy(exchange, decision) {
  const rules = decision.policy;
  const end = rules.date_less_than;
  const start = rules.date_greater_than;
  const moment = (seconds) =>
    el("span", { class: "moment" }, el("span", {}, utc(seconds)), el("span", { class: "quiet" }, local(seconds)),
      el("span", { class: "live quiet", "data-moment": String(seconds) }, distance(seconds, Date.now() / 1000)));
  const atRequest = exchange.time < end ? `${span(end - exchange.time)} were left` : `ended ${span(exchange.time - end)} before`;
  let text = rules.text;
  try {
    text = JSON.stringify(JSON.parse(rules.text), null, 2);
  } catch {
    // Shown as it came.
  }
  return section(
    `Policy (${decision.kind})`,
    facts([
      ["Resource", rules.resource === null ? "none: everything the key signs for" : code(rules.resource)],
      ["Begins", start === null ? null : moment(start)],
      ["Ends", moment(end)],
      ["At the request", atRequest],
      ["Viewer address", rules.ip_address === null ? "any" : code(rules.ip_address)],
    ]),
    el("details", {}, el("summary", {}, decision.kind === "canned" ? "Policy as rebuilt from the request" : "Policy as sent"), el("pre", {}, visible(text).replaceAll("\\u000a", "\n"))),
  );
}

function sections(decision) {
  const rows = decision.sections.map((row) =>
    el(
      "tr",
      { class: row.outcome === "differs" ? "differs" : row.outcome === "matches" ? "matches" : "quiet" },
      el("th", { scope: "row" }, row.section),
      el("td", {}, row.pattern === null ? el("span", { class: "quiet" }, "none") : code(row.pattern)),
      el("td", {}, row.url === null ? el("span", { class: "quiet" }, "none") : code(row.url)),
      el("td", { class: "outcome" }, row.outcome),
    ),
  );
  const head = ["Section", "Resource", "URL", ""].map((name) => el("th", { scope: "col" }, name));
  return section("Resource against URL", el("div", { class: "scroll" },
    el("table", {}, el("thead", {}, el("tr", {}, head)), el("tbody", {}, rows))));
}

function credentials(decision) {
  return section(
    "Credentials",
    facts([
      ["Sent in", decision.transport === "url" ? "the URL" : "cookies"],
      ["Key pair id", code(decision.key_pair_id)],
      ["Key group", decision.key_group === null ? "none that this behavior trusts" : code(decision.key_group)],
      ["Hash", decision.hash_algorithm === null ? null : code(decision.hash_algorithm)],
    ]),
  );
}

function assumptions(decision) {
  return section(
    "Assumptions that mattered",
    el("p", { class: "quiet" }, "AWS documentation leaves these open; the configuration can switch them."),
    el("dl", { class: "assumptions" }, decision.assumptions.map((item) => [el("dt", {}, code(item.name)), el("dd", {}, visible(item.sentence))]).flat()),
  );
}

function origin(exchange) {
  const asked = exchange.origin;
  if (!asked) return section("Origin", el("p", { class: "quiet" }, "The origin was not asked."));
  const target = asked.query ? `${asked.path}?${asked.query}` : asked.path;
  const names = (list) => (list.length === 0 ? "none" : el("span", {}, list.map((name) => [code(name, "gone"), " "]).flat()));
  return section(
    "Request to the origin",
    facts([
      ["Origin", code(asked.id)],
      ["Asked for", code(`${asked.method} ${target}`)],
      ["Parameters removed", names(asked.parameters_removed)],
      ["Cookies not passed on", names(asked.cookies_removed)],
    ]),
  );
}

function request(exchange) {
  const query = exchange.query ? `?${exchange.query}` : "";
  const pairs = (list) => list.map((item) => [el("dt", {}, code(item.name)), el("dd", {}, code(item.value))]).flat();
  return section(
    "Viewer request",
    facts([
      ["URL", code(`${exchange.scheme}://${exchange.host}${exchange.path}${query}`)],
      ["Received", el("span", { class: "moment" }, el("span", {}, utc(exchange.time)), el("span", { class: "quiet" }, local(exchange.time)))],
      ["From", exchange.viewer === null ? null : code(exchange.viewer)],
      ["Answer", `${exchange.status || "none yet"}, ${bytes(exchange.sent)}, ${duration(exchange.seconds)}${exchange.aborted ? ", broken off" : ""}`],
      ["Edge location", exchange.location === null ? null : `${exchange.location}, serving version ${exchange.version}`],
      ["Behavior", exchange.behavior === null ? null : behaviorLine(exchange.behavior)],
    ]),
    el("details", { open: exchange.cookies.length > 0 }, el("summary", {}, `Cookies (${exchange.cookies.length})`), el("dl", { class: "pairs" }, pairs(exchange.cookies))),
    el("details", {}, el("summary", {}, `Headers (${exchange.headers.length})`), el("dl", { class: "pairs" }, pairs(exchange.headers))),
  );
}

function behaviorLine(behavior) {
  const groups = behavior.trusted_key_groups;
  return el("span", {}, code(behavior.path_pattern), ` to ${visible(behavior.origin)}, ${behavior.allowed_methods}, `,
    groups.length === 0 ? "no signature needed" : `trusts ${visible(groups.join(", "))}`);
}

function curl(exchange, actions) {
  return section(
    "As curl",
    el("pre", { class: "curl" }, visible(exchange.curl)),
    el("p", { class: "row" }, el("button", { type: "button", onclick: actions.copy }, "Copy"), el("span", { class: "quiet" }, "Signatures are cut short: it shows the request and opens nothing.")),
  );
}
