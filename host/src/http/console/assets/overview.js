// Draws the last hour from the table of its numbers, and asks for the page again from time to time.

const EVERY = 10_000;
// Each chart: its column in the table, its name, and its colour among those of the styles.
const CHARTS = [
  [1, "Jobs that wait", "--accent"],
  [2, "Oldest wait, seconds", "--warn"],
  [3, "Contacts a second", "--good"],
  [4, "Failed calls of components", "--bad"],
];

const place = document.querySelector("[data-overview]");
const pause = document.querySelector("[data-pause]");
const isUpdating = pause.querySelector("input");
const isDark = matchMedia("(prefers-color-scheme: dark)");

// Returns the numbers of the table, the oldest first: times in seconds, and a list for each other column.
function numbers() {
  const columns = [[], [], [], [], []];
  for (const row of place.querySelectorAll("[data-history] tbody tr")) {
    const [at, ...cells] = row.children;
    columns[0].unshift(Number(at.dataset.at));
    cells.forEach((cell, index) => columns[index + 1].unshift(/^\d+$/.test(cell.textContent) ? Number(cell.textContent) : null));
  }
  return columns;
}

function draw() {
  const charts = place.querySelector("[data-charts]");
  charts.replaceChildren();
  const columns = numbers();
  if (columns[0].length < 2) return;
  const styles = getComputedStyle(document.documentElement);
  const colour = (name) => styles.getPropertyValue(name).trim();
  const axis = { stroke: colour("--quiet"), grid: { stroke: colour("--line"), width: 1 }, ticks: { stroke: colour("--line"), width: 1 } };
  // All boxes are there before one is measured: they share the width.
  const boxes = CHARTS.map(([, title]) => {
    const box = charts.appendChild(document.createElement("div"));
    box.className = "chart";
    box.appendChild(document.createElement("p")).textContent = title;
    return box;
  });
  CHARTS.forEach(([column, , name], index) => {
    const box = boxes[index];
    new uPlot({
      width: box.clientWidth,
      height: 150,
      cursor: { show: false },
      legend: { show: false },
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC"),
      scales: { y: { range: (_, least, most) => [0, Math.max(most ?? 0, 4)] } },
      axes: [
        { ...axis, values: "{HH}:{mm}", space: 60, incrs: [60, 120, 300, 600, 900] },
        { ...axis, size: 56, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 1e6, 1e7] },
      ],
      series: [{}, { stroke: colour(name), fill: colour(name) + "22", width: 2, points: { show: false } }],
    }, [columns[0], columns[column]], box);
  });
}

async function update() {
  if (!document.hidden && isUpdating.checked) {
    try {
      const answer = await fetch(location.href, { headers: { accept: "text/html" }, redirect: "manual" });
      if (answer.ok) {
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        const isOpen = place.querySelector("details").open;
        // Somebody who reads the table keeps it.
        if (!isOpen) {
          place.replaceChildren(...page.querySelector("[data-overview]").childNodes);
          draw();
        }
      } else if (answer.type === "opaqueredirect" || answer.status === 403) {
        location.reload();
        return;
      }
    } catch {
      // The network is away; the next time may bring it back.
    }
  }
  setTimeout(update, EVERY);
}

pause.classList.remove("hidden");
isDark.addEventListener("change", draw);
let resized;
addEventListener("resize", () => {
  clearTimeout(resized);
  resized = setTimeout(draw, 200);
});
draw();
setTimeout(update, EVERY);
