// Keeps the progress of a job up to date: asks for the part of the page that changes, once a second while the page is seen.

const EVERY = 1000;
// How often the progress is read out, in milliseconds.
const ANNOUNCED_EVERY = 5000;

const place = document.querySelector("[data-progress]");
const announcement = document.querySelector("[data-announce]");
let announcedAt = 0;

function announce(percent) {
  if (Date.now() - announcedAt < ANNOUNCED_EVERY) return;
  announcedAt = Date.now();
  announcement.textContent = `${percent} percent`;
}

async function update() {
  if (!document.hidden) {
    try {
      const answer = await fetch(place.dataset.progress, { headers: { accept: "text/html" }, redirect: "manual" });
      if (answer.ok) {
        const part = document.createElement("template");
        part.innerHTML = await answer.text();
        const bar = part.content.querySelector("[data-percent]");
        // A button that somebody is about to press stays.
        const form = place.querySelector("form");
        const hasFocus = form && form.contains(document.activeElement);
        place.replaceChildren(...(hasFocus ? [bar, form] : part.content.childNodes));
        if (bar.hasAttribute("data-done")) {
          location.reload();
          return;
        }
        announce(bar.dataset.percent);
      } else if (answer.type === "opaqueredirect" || (answer.status < 500 && answer.status !== 429)) {
        location.reload();
        return;
      }
    } catch {
      // The network is away; the next second may bring it back.
    }
  }
  setTimeout(update, EVERY);
}

setTimeout(update, EVERY);
