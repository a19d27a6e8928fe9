// The living map: one or more maps of the same rows.  Moving over a map decodes what lies there, through a route of the
// app's own process; a row under the pointer is shown on every map.  Points come once, from a route, and stay: a lasso, a
// hover or another colour sends none of them again.
const REACH = 9; // pixels within which a point counts as under the pointer
const STILL = 4; // pixels that a click may move and not be a drag
const TILE = 34; // pixels a decoded tile of the plane takes
const PART = 1.5; // how much more than what is in view is asked for of a large map, each way
const CELL = 2; // pixels a cell of a density takes
const MOST_SPRITES = 1024; // images that one map shows, as many as one request may ask for
const SHEET = 50; // images a line of the picture that they come in
const SPRITES = 700; // points in view below which images are drawn of themselves
const NO_POINTS = new Float32Array(0);
const atlases = new WeakMap();

export default function (component) {
  const { data, parentElement } = component;
  let atlas = atlases.get(parentElement);
  if (!atlas) atlases.set(parentElement, (atlas = new Atlas(parentElement.querySelector(".root"))));
  atlas.update(component).catch((error) => atlas.say(error.message));
  return () => {
    atlas.free();
    atlases.delete(parentElement);
  };
}

const kept = new Map();
// Floats of a route whose answer never changes; asked for once a page.
function floats(name, query, kind = Float32Array) {
  const key = `${name}?${query}`;
  if (!kept.has(key)) {
    kept.set(key, ask(name, query).then((b) => new kind(b)));
    kept.get(key).catch(() => kept.delete(key));
    if (kept.size > 64) kept.delete(kept.keys().next().value);
  }
  return kept.get(key);
}

async function bits(text, count) {
  if (text == null) return null;
  const packed = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const raw = new Response(new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate")));
  const bytes = new Uint8Array(await raw.arrayBuffer());
  return Uint8Array.from({ length: count }, (_, i) => (bytes[i >> 3] >> (7 - (i & 7))) & 1);
}

function rgb(colour) {
  const short = colour.match(/\d+(\.\d+)?/g);
  if (colour.startsWith("rgb")) return short.slice(0, 3).map(Number);
  return [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
}

class Atlas {
  constructor(root) {
    this.root = root;
    root.atlas = this;
    this.panes = [];
    this.tool = "lasso";
    this.bar = make("div", "bar");
    this.message = make("div", "message");
    this.grid = make("div", "grid");
    this.lens = new Lens();
    this.lines = make("canvas", "lines");
    const frame = make("div", "frame");
    frame.append(this.grid, this.lines);
    root.replaceChildren(this.bar, this.message, frame, this.lens.box);
    this.place = window.latentboardPlace;
    this.walk = (event) => { this.place = event.detail; this.panes.forEach((p) => p.drawFront()); };
    window.addEventListener("latentboard-walk", this.walk);
    this.keys = (event) => { if (event.key === "Escape") this.panes.forEach((p) => p.giveUp()); };
    window.addEventListener("keydown", this.keys);
  }

  say(text) { this.message.textContent = text; }

  async update({ data, setTriggerValue }) {
    this.data = data;
    this.trigger = setTriggerValue;
    this.say("");
    this.drawBar();
    this.grid.style.setProperty("--across", data.across);
    this.root.dataset.look = data.look;
    while (this.panes.length > data.maps.length) this.panes.pop().free();
    while (this.panes.length < data.maps.length) this.panes.push(new Pane(this, this.panes.length));
    const turn = (this.turn = {});
    this.rows = data.many ? null : await floats("values", data.rows, Float64Array);
    const lit = data.many ? null : bits(data.lit, this.rows.length);
    await Promise.all(this.panes.map((p, i) => p.load(data.maps[i])));
    if (turn !== this.turn) return; // a later update overtook this one
    this.lit = await lit;
    this.panes.forEach((p) => p.ready());
    this.root.dataset.drawn = Number(this.root.dataset.drawn ?? 0) + 1;
  }

  drawBar() {
    const tools = [["pan", "Move", "Drag to move, wheel to zoom"], ["lasso", "Lasso", "Draw round points to select them"],
      ["box", "Box", "Drag a box to select what is in it"]];
    const made = tools.map(([name, label, title]) => {
      const button = make("button", "", label);
      Object.assign(button, { type: "button", title });
      button.setAttribute("aria-pressed", String(this.tool === name));
      button.onclick = () => { this.tool = name; this.drawBar(); };
      return button;
    });
    const whole = make("button", "", "Whole map");
    Object.assign(whole, { type: "button", title: "Show all points again" });
    whole.onclick = () => this.panes.forEach((p) => { p.fit(); p.viewChanged(); });
    this.bar.replaceChildren(...(this.data.selectable ? made : []), whole);
    if (this.data.blend) {
      const label = make("label", "blend", "A → B");
      const slide = make("input");
      Object.assign(slide, { type: "range", min: 0, max: 1, step: 0.01, value: this.blend ?? 0 });
      slide.title = "Moves the points of A to their places on B";
      slide.setAttribute("aria-label", slide.title);
      slide.oninput = () => { this.blend = Number(slide.value); this.redraw(); };
      label.append(slide);
      this.bar.append(label);
    }
  }

  // The same rows in both maps, where they are few enough to be followed.
  drawLines() {
    const { lines, grid, panes } = this, ratio = window.devicePixelRatio || 1, [a, b] = panes;
    const none = !a?.map.linked || !b || this.blend;
    lines.style.display = none ? "none" : "";
    if (none) return;
    Object.assign(lines, { width: grid.clientWidth * ratio, height: grid.clientHeight * ratio });
    const context = lines.getContext("2d"), home = grid.getBoundingClientRect();
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    const seen = (pane, place) => {
      const box = pane.stack.getBoundingClientRect(), [x, y] = pane.toScreen(place);
      return x >= 0 && y >= 0 && x <= box.width && y <= box.height && [box.left - home.left + x, box.top - home.top + y];
    };
    a.map.linked.forEach((place, n) => {
      const from = seen(a, place), to = seen(b, b.map.linked[n]);
      if (!from || !to) return;
      context.beginPath();
      context.moveTo(...from);
      context.bezierCurveTo((from[0] + to[0]) / 2, from[1], (from[0] + to[0]) / 2, to[1], ...to);
      Object.assign(context, { lineWidth: 1.2, globalAlpha: 0.6, strokeStyle: this.data.linked[n] });
      context.stroke();
    });
  }

  redraw() { this.panes.forEach((p) => p.draw()); }

  // What is under the pointer, on every map: `markOf(pane)` is its place there and, of a row, its id.
  mark(markOf) {
    this.panes.forEach((p) => {
      p.mark = markOf(p) || null;
      p.drawFront();
    });
  }

  free() {
    window.removeEventListener("latentboard-walk", this.walk);
    window.removeEventListener("keydown", this.keys);
    this.panes.forEach((p) => p.free());
  }
}
