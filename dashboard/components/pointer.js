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
    if (row !== null && row !== current) present(row, point.text ?? point.data.name ?? "");
  };
  const present = (row, name) => {
    current = row;
    shown.set(parentElement, { row, name, key: JSON.stringify(data) });
    head.textContent = [name, `#${row}`].filter(Boolean).join(" · ");
    for (const { image, kind, checkpoint, device, label } of slots) {
      const query = new URLSearchParams({ checkpoint, device, row, kind });
      image.alt = `${label} of row ${row}`;
      image.src = new URL(`latentboard/image?${query}`, document.baseURI).href;
    }
  };

  const attached = new Map();
  const attach = () => {
    for (const chart of document.querySelectorAll(".js-plotly-plot"))
      if (attached.has(chart)) attached.get(chart).renew();
      else if (chart.on) attached.set(chart, listen(chart, show, setTriggerValue));
    for (const chart of attached.keys()) if (!chart.isConnected) attached.delete(chart);
  };
  attach();
  // A rerun draws this component anew; what it showed stays, as long as the models do.
  const before = shown.get(parentElement);
  if (before?.key === JSON.stringify(data)) present(before.row, before.name);
  // Charts mount after this component and again whenever their figure changes.
  const timer = setInterval(attach, 300);
  const stop = () => {
    clearInterval(timer);
    for (const listener of attached.values()) listener.silence();
  };
  running.get(parentElement)?.();
  running.set(parentElement, stop);
  return () => {
    stop();
    running.delete(parentElement);
  };
}

const running = new WeakMap(), shown = new WeakMap();
const STILL = 4; // pixels that a click may move and not be a drag

// Hover is Plotly's own event.  Its click is not: in lasso mode it comes with a lost selection, in 3-D rarely at all.
function listen(chart, show, setTriggerValue) {
  let under = null, pressed = null;
  const hover = (event) => { under = rowOf(event.points[0]); show(event); };
  const leave = () => { under = null; };
  const down = (event) => { pressed = { x: event.clientX, y: event.clientY, row: under }; };
  const move = (event) => {
    // A lasso may end where it began: what counts is that the pointer never left.
    if (pressed && Math.hypot(event.clientX - pressed.x, event.clientY - pressed.y) > STILL) pressed = null;
  };
  const up = () => {
    if (pressed?.row != null) setTriggerValue("picked", pressed.row);
    pressed = null;
  };
  const clear = () => setTriggerValue("cleared", true);
  const events = { plotly_hover: hover, plotly_unhover: leave, plotly_doubleclick: clear };
  const silence = () => { for (const [name, heard] of Object.entries(events)) chart.removeListener?.(name, heard); };
  // A chart that is drawn anew forgets who listened, without saying so.
  const renew = () => {
    silence();
    for (const [name, heard] of Object.entries(events)) chart.on?.(name, heard);
  };
  renew();
  chart.addEventListener("mousedown", down, true);
  window.addEventListener("mousemove", move, true);
  window.addEventListener("mouseup", up, true);
  return {
    renew,
    silence: () => {
      silence();
      chart.removeEventListener("mousedown", down, true);
      window.removeEventListener("mousemove", move, true);
      window.removeEventListener("mouseup", up, true);
    },
  };
}

function rowOf(point) {
  const value = Array.isArray(point.customdata) ? point.customdata[0] : point.customdata;
  return Number.isInteger(value) ? value : null;
}

function draw(root, data) {
  const wanted = data.models.map((m) => ({ ...m, kind: "reconstruction" }));
  if (data.hasOriginals && data.models.length)
    wanted.unshift({ ...data.models[0], label: "original", accent: "", kind: "original" });
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
