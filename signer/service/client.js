// The browser's half of the issuer: keeps signed cookies fresh while a page is open.
//
//   import { start, fetchSigned, signUrls, logOut } from "/auth/client.js";
//   start({ onSignedOut: () => location.assign("/auth/login?return_to=" + location.pathname) });
//
// Cookies are renewed at a random moment between half and four fifths of their life, so that a
// thousand open pages do not ask at once. Tabs of one browser take turns: only one asks, since a
// provider may accept each refresh token once. No dependencies; docs/issuer.md describes it.

const BASE = new URL(".", import.meta.url); // .../auth/
const LOCK = "signer-refresh";
const RETRY_SECONDS = 15;
const SHORTEST_WAIT = 5; // seconds between renewals, however short the cookies' life is
const MENDING_PAUSE = 10; // seconds between renewals that a 403 has caused
const TIMEOUT = 20_000; // milliseconds: nobody else renews while one tab waits
const LONGEST_TIMER = 2 ** 31 - 1; // of setTimeout, in milliseconds

let options = { onSignedOut: () => {}, onRefreshed: () => {}, token: null };
let timer;
let running = null; // the refresh under way, if any
let refreshedAt = -Infinity;
let mendedAt = -Infinity;
let last = null; // the last answer
let due = Infinity; // when to ask again, by the clock that goes on while a laptop sleeps
let watching = false; // whether to go on renewing
let listening = false;
const channel = openChannel();

/** An answer that is not what was asked for; `code` is the issuer's own. */
export class IssuerError extends Error {
  constructor(status, problem) {
    super(problem.detail ?? `The issuer answered ${status}`);
    this.name = "IssuerError";
    this.status = status;
    this.code = problem.code ?? null;
  }
}

/**
 * Keep cookies fresh from now on; the first refresh happens at once.
 *
 * onSignedOut(error)    the session is over, or nobody is logged in
 * onRefreshed(answer)   {grants, expires_at, expires_in}
 * token()               returns a bearer token, for pages that log in by themselves
 */
export async function start(given = {}) {
  options = { ...options, ...given };
  watching = true;
  if (!listening) {
    listening = true;
    // A laptop that slept through its timer, or a page that comes back from the cache.
    for (const event of ["pageshow", "online"]) addEventListener(event, () => renewIfDue());
    document.addEventListener("visibilitychange", () => document.hidden || renewIfDue());
    channel?.addEventListener("message", ({ data }) => told(data));
  }
  return refresh().catch((error) => (error instanceof IssuerError ? null : Promise.reject(error)));
}

/** Stop keeping cookies fresh. */
export function stop() {
  clearTimeout(timer);
  due = Infinity;
  watching = false;
}

/** Renew cookies and session now; calls at the same time share one request. */
export function refresh() {
  running ??= alone(renew).finally(() => (running = null));
  return running;
}

/** Like fetch with cookies, but renews them and tries once more after a 403. */
export async function fetchSigned(resource, init = {}) {
  const send = (what) => fetch(what, { credentials: "include", ...init });
  // A request with a body can be sent once only.
  const again = resource instanceof Request ? resource.clone() : resource;
  const isStream = init.body instanceof ReadableStream;
  const sentAt = performance.now();
  const answer = await send(resource);
  if (answer.status !== 403 || isStream) return answer;
  try {
    // Another call may have renewed them while this one was under way.
    if (refreshedAt < sentAt && !(await mended())) return answer;
  } catch {
    return answer;
  }
  return send(again);
}

async function mended() {
  if (!running) {
    // What stays forbidden must not make a page ask for ever.
    if (performance.now() - mendedAt < MENDING_PAUSE * 1000) return false;
    mendedAt = performance.now();
  }
  await refresh();
  return true;
}

/** Sign URLs: items are {grant, item}; returns the URLs in the same order. */
export async function signUrls(items) {
  // It may renew the session, as a renewal of cookies does.
  const { urls } = await inTurn(() => post("urls", { items }));
  return urls.map(({ url }) => url);
}

/** Remove session and cookies here, then let the provider end its own session if it can. */
export async function logOut({ everywhere = true } = {}) {
  stop();
  try {
    // After a renewal that is under way, here or in another tab: its cookies would come back.
    const { logout_url: url } = await inTurn(() => post("logout", {}));
    if (everywhere && url) location.assign(url);
  } finally {
    channel?.postMessage({ signedOut: true });
  }
}

async function renew() {
  const answer = await asked();
  channel?.postMessage(answer);
  renewed(answer);
  return answer;
}

async function asked() {
  try {
    const answer = await post("cookies", {});
    // Something between here and the issuer may answer 200 with a page of its own.
    if (!Array.isArray(answer.grants)) throw new IssuerError(200, { code: "answer" });
    return answer;
  } catch (error) {
    if (error.status === 401) {
      stop();
      options.onSignedOut(error);
    } else if (watching) {
      schedule(RETRY_SECONDS * (1 + Math.random()));
    }
    throw error;
  }
}

function renewed(answer) {
  last = answer;
  refreshedAt = performance.now();
  if (watching && answer.expires_in != null) {
    schedule(Math.max(SHORTEST_WAIT, answer.expires_in * (0.5 + 0.3 * Math.random())));
  }
  options.onRefreshed(answer);
}

// What another tab says.
function told(message) {
  if (!watching) return;
  if (message?.signedOut) {
    stop();
    options.onSignedOut(new IssuerError(401, { code: "signed_out", detail: "Logged out elsewhere." }));
  } else if (Array.isArray(message?.grants)) {
    renewed(message);
  }
}

function schedule(seconds) {
  due = Date.now() + seconds * 1000;
  wait();
}

function wait() {
  clearTimeout(timer);
  if (due < Infinity) timer = setTimeout(renewIfDue, Math.min(due - Date.now(), LONGEST_TIMER));
}

function renewIfDue() {
  if (Date.now() >= due) refresh().catch(() => {});
  // A timer may go off a moment early, and cannot be set for longer than 24 days.
  else wait();
}

// Browsers deny locks and channels to embedded pages whose storage they block; such a page goes
// without. Its cookies can work all the same: partitioned ones are not blocked.
async function inTurn(work) {
  if (!("locks" in navigator)) return running ? running.then(work, work) : work();
  let begun = false;
  const turn = () => {
    begun = true;
    return work();
  };
  try {
    return await navigator.locks.request(LOCK, turn);
  } catch (error) {
    if (begun) throw error;
    return work();
  }
}

function alone(work) {
  const waitedFrom = performance.now();
  // Another tab did it while this one waited, and its message has arrived or is about to.
  return inTurn(() => (refreshedAt > waitedFrom && last ? last : work()));
}

function openChannel() {
  try {
    return new BroadcastChannel(LOCK);
  } catch {
    return null;
  }
}

async function post(name, content) {
  const body = JSON.stringify(content);
  const headers = {
    "Content-Type": "application/json",
    "X-Issuer-Request": "1",
    // An origin access control signs a POST only if the client tells the hash of its body.
    "x-amz-content-sha256": await sha256(body),
  };
  const token = await options.token?.();
  if (token) headers["X-Issuer-Token"] = token;
  const answer = await fetch(new URL(name, BASE), {
    method: "POST",
    credentials: "include",
    cache: "no-store",
    signal: AbortSignal.timeout(TIMEOUT),
    headers,
    body,
  });
  const found = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new IssuerError(answer.status, found);
  return found;
}

async function sha256(text) {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
