// Plays a short HLS film: natively where the browser can, else through Media Source Extensions.
//
// Enough HLS for this demo (one variant, fMP4 segments, no encryption, VOD). Cookies go along with
// every request by themselves, because playlist and segments are on the page's own host.

export async function attach(video, url) {
  if (video.canPlayType("application/vnd.apple.mpegurl")) {
    video.src = url;
    return "native";
  }
  const master = await playlist(url);
  const variant = master.find((line) => !line.startsWith("#"));
  const codecs = /CODECS="([^"]+)"/.exec(master.join("\n"))?.[1];
  const type = `video/mp4; codecs="${codecs}"`;
  if (!variant || !codecs || !window.MediaSource?.isTypeSupported(type)) {
    throw new Error("this browser can play neither HLS nor its codecs");
  }
  const source = new MediaSource();
  video.src = URL.createObjectURL(source);
  await once(source, "sourceopen");
  URL.revokeObjectURL(video.src);
  feed(source, type, new URL(variant, new URL(url, location.href))).catch(() => {
    if (source.readyState === "open") source.endOfStream("network");
  });
  return "media-source";
}

async function feed(source, type, url) {
  const lines = await playlist(url);
  const length = lines.reduce((sum, line) => sum + Number(/^#EXTINF:([\d.]+)/.exec(line)?.[1] ?? 0), 0);
  source.duration = length;
  const buffer = source.addSourceBuffer(type);
  for (const name of parts(lines)) {
    const response = await fetch(new URL(name, url));
    if (!response.ok) throw new Error(`${name}: ${response.status}`);
    buffer.appendBuffer(await response.arrayBuffer());
    await once(buffer, "updateend");
  }
  source.endOfStream();
}

// The initialisation segment first, then the media segments in order.
function parts(lines) {
  const map = lines.map((line) => /^#EXT-X-MAP:.*URI="([^"]+)"/.exec(line)?.[1]).filter(Boolean);
  return [...map.slice(0, 1), ...lines.filter((line) => !line.startsWith("#"))];
}

async function playlist(url) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: ${response.status}`);
  return (await response.text()).split(/\r?\n/).filter((line) => line.trim() !== "");
}

function once(target, event) {
  return new Promise((resolve) => target.addEventListener(event, resolve, { once: true }));
}
