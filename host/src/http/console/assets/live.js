// Keeps a part of a page up to date while it says that it changes.

const EVERY = 3000;

async function update() {
  const place = document.querySelector("[data-live]");
  if (!place) return;
  if (!document.hidden && !place.contains(document.activeElement)) {
    try {
      const answer = await fetch(location.href, { headers: { accept: "text/html" }, redirect: "manual" });
      const page = answer.ok && new DOMParser().parseFromString(await answer.text(), "text/html");
      const part = page && page.querySelector("[data-live]");
      if (!part) {
        if (answer.ok || answer.type === "opaqueredirect" || answer.status === 403 || answer.status === 404) location.reload();
      } else {
        place.replaceChildren(...part.childNodes);
      }
    } catch {
      // The network is away; the next time may bring it back.
    }
  }
  setTimeout(update, EVERY);
}

setTimeout(update, EVERY);
