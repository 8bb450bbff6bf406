// The demo page. What is locked is decided by the edge, not here: this script asks and shows the answer.

import { logOut, signUrls, start } from "/auth/client.js";
import { attach } from "./player.js";

const byId = (id) => document.getElementById(id);
const address = (key) => "/" + key.split("/").map(encodeURIComponent).join("/");
const clock = (seconds) => new Date(seconds * 1000).toLocaleTimeString([], { timeStyle: "medium" });

// CloudFront's error code, read from the XML body of a 403; null when the object is served.
async function refusal(path) {
  const response = await fetch(path, { cache: "no-store" });
  if (response.ok) {
    await response.body?.cancel();
    return null;
  }
  const xml = new DOMParser().parseFromString(await response.text(), "text/xml");
  return `${response.status} ${xml.querySelector("Code")?.textContent ?? ""}`.trim();
}

const PATHS = { gallery: "/gallery/*", film: "/film/*" }; // what the grants of this site open
let renewals = 0;

async function showSession() {
  const session = await (await fetch("/auth/session", { cache: "no-store" })).json();
  byId("login").hidden = session.signed_in;
  byId("session").hidden = !session.signed_in;
  if (!session.signed_in) return session;
  byId("session-user").textContent = session.subject;
  // Renews the cookies now, and from then on in time.
  await start({
    onRefreshed: showRenewal,
    onSignedOut: () => location.reload(),
  });
  return session;
}

function showRenewal({ grants, expires_at: until }) {
  byId("session-until").textContent = clock(until);
  byId("session-renewed").textContent = `Renewed ${++renewals} ${renewals === 1 ? "time" : "times"}.`;
  byId("session-grants").replaceChildren(
    ...grants.map((grant) => {
      const item = document.createElement("li");
      const code = document.createElement("code");
      code.textContent = location.origin + PATHS[grant];
      item.append(code);
      return item;
    }),
  );
}

async function showAddresses() {
  const { inspector_url: inspector, identity_url: identity } = await (await fetch("/demo.json")).json();
  byId("inspector-link").href = inspector;
  byId("inspector-link").hidden = false;
  byId("identity-link").href = identity;
}

function pictureItem(picture, loggedIn) {
  const item = byId("picture").content.cloneNode(true).firstElementChild;
  const path = address(picture.key);
  const frame = item.querySelector(".frame");
  const image = item.querySelector("img");
  const share = item.querySelector(".share");
  frame.href = path;
  frame.setAttribute("aria-label", `${picture.title}, locked`);
  item.querySelector(".title").textContent = picture.title;
  share.setAttribute("aria-label", `Share ${picture.title}`);
  share.addEventListener("click", () => sharePicture(picture));
  const loaded = new Promise((resolve) => {
    image.addEventListener("load", () => {
      frame.dataset.locked = "false";
      frame.setAttribute("aria-label", `${picture.title}, open in full`);
      image.alt = picture.alt;
      share.hidden = !loggedIn;
      resolve(true);
    });
    image.addEventListener("error", () => resolve(false));
  });
  image.src = path;
  return { item, loaded };
}

async function showPictures(pictures, loggedIn) {
  const items = pictures.map((picture) => pictureItem(picture, loggedIn));
  byId("pictures").replaceChildren(...items.map(({ item }) => item));
  const open = (await Promise.all(items.map(({ loaded }) => loaded))).filter(Boolean).length;
  const state = byId("gallery-state");
  if (open === pictures.length) {
    state.textContent = `${open} pictures, served from the private bucket`;
    return;
  }
  const code = (await refusal(address(pictures[0].key))) ?? "Locked";
  for (const label of document.querySelectorAll(".picture .code")) label.textContent = code;
  state.textContent = `Refused by the edge: ${code}`;
}

async function showFilm(film) {
  const path = address(film.key);
  const code = await refusal(path);
  const screen = document.querySelector(".screen");
  screen.dataset.locked = String(code !== null);
  byId("player").inert = code !== null;
  if (code !== null) {
    byId("film-code").textContent = code;
    byId("film-state").textContent = `Refused by the edge: ${code}`;
    return;
  }
  const how = await attach(byId("player"), path);
  byId("film-state").textContent = how === "native" ? "Ready, played by the browser itself" : "Ready, played through Media Source";
}

async function sharePicture(picture) {
  let url;
  try {
    [url] = await signUrls([{ grant: "share", item: picture.key.split("/").at(-1) }]);
  } catch (error) {
    byId("gallery-state").textContent = error.message;
    return;
  }
  byId("share-name").textContent = picture.title;
  byId("share-url").value = url;
  byId("share-open").href = url;
  byId("share-until").textContent = clock(new URL(url).searchParams.get("Expires"));
  byId("share-copied").textContent = "";
  byId("share").showModal();
}

byId("share-copy").addEventListener("click", async () => {
  const field = byId("share-url");
  field.select();
  try {
    await navigator.clipboard.writeText(field.value);
    byId("share-copied").textContent = "Copied. Paste it into a private window.";
  } catch {
    byId("share-copied").textContent = "Selected. Copy it with the keyboard.";
  }
});

// A click on the backdrop hits the dialog element itself.
byId("share").addEventListener("click", (event) => {
  if (event.target === byId("share")) byId("share").close();
});

byId("logout").addEventListener("click", () => logOut());

async function main() {
  const [session, catalogue] = await Promise.all([
    showSession(),
    fetch("/assets/catalogue.json").then((response) => response.json()),
    showAddresses(),
  ]);
  await Promise.all([showPictures(catalogue.pictures, session.signed_in), showFilm(catalogue.film)]);
  document.documentElement.dataset.ready = "true";
}

main();
