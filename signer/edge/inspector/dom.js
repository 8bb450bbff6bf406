// Building the page. Everything from outside becomes a text node or a plain attribute, so a
// hostile path is shown and never parsed.

export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "onclick") node.addEventListener("click", value);
    else if (value !== null && value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

// Control characters and text-direction overrides would let a path disguise itself.
export function visible(text) {
  return String(text).replace(
    /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

export function code(text, kind = "") {
  return el("code", kind ? { class: kind } : {}, visible(text));
}

export function section(title, ...children) {
  return el("section", { class: "card" }, el("h3", {}, title), ...children);
}

export function facts(rows) {
  return el(
    "dl",
    { class: "facts" },
    rows
      .filter(([, value]) => value !== null && value !== undefined)
      .map(([name, value]) => [
        el("dt", {}, name),
        el("dd", {}, typeof value === "string" ? visible(value) : value),
      ])
      .flat(),
  );
}
