// Moments in UTC, in the reader's zone, and as a distance.

const units = [["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];

export function clockTime(seconds) {
  const date = new Date(seconds * 1000);
  return Number.isNaN(date.getTime()) ? "" : date.toLocaleTimeString([], { hour12: false });
}

export function utc(seconds) {
  const date = new Date(seconds * 1000);
  return Number.isNaN(date.getTime())
    ? `second ${seconds}`
    : `${date.toISOString().replace("T", " ").replace(/\.\d+Z$/, "")} UTC`;
}

export function local(seconds) {
  const date = new Date(seconds * 1000);
  if (Number.isNaN(date.getTime())) return "";
  return date.toLocaleString([], { dateStyle: "medium", timeStyle: "long" });
}

export function span(seconds) {
  let left = Math.floor(Math.abs(seconds));
  const parts = [];
  for (const [name, size] of units) {
    const count = Math.floor(left / size);
    left -= count * size;
    if (count > 0 || (size === 1 && parts.length === 0)) parts.push(`${count} ${name}${count === 1 ? "" : "s"}`);
    if (parts.length === 2) break;
  }
  return parts.join(" ");
}

export function distance(seconds, now) {
  return seconds > now ? `in ${span(seconds - now)}` : `${span(now - seconds)} ago`;
}

export function duration(seconds) {
  if (seconds === null) return "under way";
  return seconds < 1 ? `${Math.max(1, Math.round(seconds * 1000))} ms` : `${seconds.toFixed(1)} s`;
}

export function bytes(count) {
  if (count < 1000) return `${count} B`;
  return count < 1e6 ? `${(count / 1e3).toFixed(1)} kB` : `${(count / 1e6).toFixed(1)} MB`;
}
