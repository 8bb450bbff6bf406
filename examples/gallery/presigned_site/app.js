// Asks the issuer for one presigned URL a picture; what may be seen is decided there.

import { logOut } from "/auth/client.js";

const NAMES = [
  "first-light.jpg",
  "morning mist.jpg",
  "high-noon.jpg",
  "golden-hour.jpg",
  "lake-at-dusk.webp",
  "blå time.jpg",
  "moonrise.jpg",
  "northern-lights.jpg",
];
const byId = (id) => document.getElementById(id);

async function show(name) {
  const answer = await fetch(`/images/${encodeURIComponent(name)}/url`, { cache: "no-store" });
  const content = await answer.json();
  const figure = document.createElement("figure");
  const image = new Image();
  image.alt = answer.ok ? name : `${name}, refused`;
  const caption = document.createElement("figcaption");
  caption.textContent = answer.ok
    ? `${name}, until ${new Date(content.expires_at * 1000).toLocaleTimeString()}`
    : `${name}: ${answer.status} ${content.code}`;
  figure.append(image, caption);
  byId("pictures").append(figure);
  if (!answer.ok) return false;
  image.src = content.url;
  return image.decode().then(
    () => true,
    () => false,
  );
}

const session = await (await fetch("/auth/session", { cache: "no-store" })).json();
byId("login").hidden = session.signed_in;
byId("session").hidden = !session.signed_in;
byId("user").textContent = session.subject ?? "";
byId("logout").addEventListener("click", () => logOut());
const shown = (await Promise.all(NAMES.map(show))).filter(Boolean).length;
byId("state").textContent = `${shown} of ${NAMES.length} pictures shown`;
document.documentElement.dataset.ready = "true";
