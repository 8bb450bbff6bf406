// The demo page. What is locked is decided by the edge, not here: this script asks and shows the answer.

import { attach } from "./player.js";

const byId = (id) => document.getElementById(id);
const address = (key) => "/" + key.split("/").map(encodeURIComponent).join("/");
const clock = (seconds) => new Date(seconds * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });

async function post(path, body) {
  return fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body ?? {}),
  });
}

// What a refused call says; a broken backend says it in its own way, without JSON.
async function reason(response) {
  try {
    return (await response.json()).detail;
  } catch {
    return `The backend answered ${response.status}`;
  }
}

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

async function showSession() {
  const response = await fetch("/api/session");
  const session = await response.json();
  byId("login").hidden = session.user !== null;
  byId("session").hidden = session.user === null;
  if (session.inspector) {
    byId("inspector-link").href = session.inspector;
    byId("inspector-link").hidden = false;
  }
  if (session.user === null) return session;
  byId("session-user").textContent = session.user;
  byId("session-until").textContent = clock(session.until);
  byId("session-grants").replaceChildren(
    ...session.resources.map((resource) => {
      const item = document.createElement("li");
      const code = document.createElement("code");
      code.textContent = resource;
      item.append(code);
      return item;
    }),
  );
  return session;
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
  const response = await post("/api/share", { key: picture.key });
  if (!response.ok) {
    byId("gallery-state").textContent = await reason(response);
    return;
  }
  const { url, until } = await response.json();
  byId("share-name").textContent = picture.title;
  byId("share-url").value = url;
  byId("share-open").href = url;
  byId("share-until").textContent = clock(until);
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

byId("login").addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = new FormData(byId("login"));
  const response = await post("/login", { user: form.get("user"), password: form.get("password") });
  if (response.ok) {
    // A fresh page: the browser asks again for everything that it was refused.
    location.reload();
    return;
  }
  byId("login-problem").textContent = await reason(response);
  byId("password").select();
});

byId("logout").addEventListener("click", async () => {
  await post("/logout");
  location.reload();
});

async function main() {
  const [session, catalogue] = await Promise.all([
    showSession(),
    fetch("/assets/catalogue.json").then((response) => response.json()),
  ]);
  await Promise.all([showPictures(catalogue.pictures, session.user !== null), showFilm(catalogue.film)]);
  document.documentElement.dataset.ready = "true";
}

main();
