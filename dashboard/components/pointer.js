// Listens to the Plotly maps of the page and shows the row under the pointer, original beside reconstructions.
// Pictures come from a route of the app's own process; the script is not rerun.
const IDLE = "Point at the map";

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".root");
  const slots = draw(root, data);
  const head = root.querySelector(".head");
  let current = null;

  const show = (event) => {
    const point = event.points[0];
    const row = rowOf(point);
    if (row === null || row === current) return;
    current = row;
    const name = (point.data.name ?? "").replace(/^trace \d+$/, "");
    head.textContent = [name, `#${row}`].filter(Boolean).join(" · ");
    for (const { image, kind, fingerprint, label } of slots) {
      const query = new URLSearchParams({ checkpoint: fingerprint, row, kind });
      image.alt = `${label} of row ${row}`;
      image.src = new URL(`latentboard/image?${query}`, document.baseURI).href;
    }
  };
  const click = (event) => {
    const row = rowOf(event.points[0]);
    if (row !== null && event.points[0].data.type === "scatter3d") setTriggerValue("picked", row);
  };

  const attached = new Map();
  const attach = () => {
    for (const chart of document.querySelectorAll(".js-plotly-plot")) {
      if (attached.has(chart) || !chart.on) continue;
      chart.on("plotly_hover", show);
      chart.on("plotly_click", click);
      attached.set(chart, true);
    }
    for (const chart of attached.keys()) if (!chart.isConnected) attached.delete(chart);
  };
  attach();
  // Charts mount after this component and again whenever their figure changes.
  const timer = setInterval(attach, 300);
  const stop = () => {
    clearInterval(timer);
    for (const chart of attached.keys()) {
      chart.removeListener?.("plotly_hover", show);
      chart.removeListener?.("plotly_click", click);
    }
  };
  running.get(parentElement)?.();
  running.set(parentElement, stop);
  return () => {
    stop();
    running.delete(parentElement);
  };
}

const running = new WeakMap();

function rowOf(point) {
  const value = Array.isArray(point.customdata) ? point.customdata[0] : point.customdata;
  return Number.isInteger(value) ? value : null;
}

function draw(root, data) {
  const wanted = data.models.map((m) => ({ ...m, kind: "reconstruction" }));
  if (data.hasOriginals && data.models.length)
    wanted.unshift({ fingerprint: data.models[0].fingerprint, label: "original", accent: "", kind: "original" });
  root.replaceChildren();
  const head = document.createElement("div");
  head.className = "head";
  head.textContent = IDLE;
  const pictures = document.createElement("div");
  pictures.className = "pictures";
  root.append(head, pictures);
  return wanted.map((slot) => {
    const figure = document.createElement("figure");
    const image = document.createElement("img");
    image.alt = "";
    if (slot.accent) image.style.borderColor = slot.accent;
    const caption = document.createElement("figcaption");
    caption.textContent = caption.title = slot.label;
    figure.append(image, caption);
    pictures.append(figure);
    return { ...slot, image };
  });
}
