// The page of the three example backends: it needs nothing but their four routes.

const NAMES = ["first-light.jpg", "golden-hour.jpg", "moonrise.jpg", "northern-lights.jpg"];
const [login, logout, list, shared] = ["login", "logout", "pictures", "shared"].map((id) => document.getElementById(id));
const status = document.querySelector("[role=status]");

async function api(path, content) {
  const headers = { "Content-Type": "application/json" };
  // Django asks for the value of its cookie; the other two do not have one.
  const token = document.cookie.match(/csrftoken=([^;]+)/)?.[1];
  if (token) headers["X-CSRFToken"] = token;
  const init = content ? { method: "POST", headers, body: JSON.stringify(content) } : {};
  return fetch(`/api/${path}`, { cache: "no-store", ...init });
}

async function show() {
  const { name } = await (await api("session")).json();
  login.hidden = Boolean(name);
  logout.hidden = !name;
  logout.querySelector("b").textContent = name ?? "";
  shared.hidden = true;
  list.replaceChildren(...NAMES.map(entry));
  const images = [...list.querySelectorAll("img")];
  await Promise.all(images.map((image) => image.decode().catch(() => {})));
  const shown = images.filter((image) => image.naturalWidth).length;
  status.textContent = `${shown} of ${images.length} pictures open`;
}

function entry(file) {
  const image = new Image();
  image.alt = file;
  // A cached picture would hide that the cookies are gone.
  image.src = `/gallery/${file}?${Date.now()}`;
  const button = document.createElement("button");
  button.textContent = `Share ${file}`;
  button.addEventListener("click", () => share(file));
  const item = document.createElement("li");
  item.append(image, button);
  return item;
}

async function share(file) {
  const answer = await api(`images/${encodeURIComponent(file)}/url`);
  const link = shared.querySelector("a");
  const { url, detail } = await answer.json();
  shared.hidden = false;
  link.textContent = url ?? detail;
  if (url) link.href = url;
  else link.removeAttribute("href");
}

login.addEventListener("submit", async (event) => {
  event.preventDefault();
  const answer = await api("login", Object.fromEntries(new FormData(login)));
  login.querySelector("[role=alert]").textContent = answer.ok ? "" : "That is not right.";
  if (answer.ok) await show();
});

logout.addEventListener("submit", async (event) => {
  event.preventDefault();
  await api("logout", {});
  await show();
});

await show();
document.documentElement.dataset.ready = "true";
