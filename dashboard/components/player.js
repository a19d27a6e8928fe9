// Walks in step: every model's frame at the same place of the path, and that place on the maps.  All frames are
// here, so that playing and scrubbing need no server; where the clock stands survives a change of the walk.
const states = new WeakMap();
const SMALLEST = 44, LARGEST = 84; // pixels a frame of the strip may take

export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".root");
  const state = states.get(parentElement) ?? { place: 0, direction: 1, playing: false, request: 0 };
  states.set(parentElement, state);
  const steps = Math.max(1, ...data.strips.map((s) => s.count));

  root.replaceChildren();
  const bar = element("div", "bar");
  const button = element("button");
  button.type = "button";
  const scrub = element("input");
  Object.assign(scrub, { type: "range", min: 0, max: steps - 1, step: "any", value: state.place });
  scrub.setAttribute("aria-label", "Place on the path");
  const place = element("output");
  bar.append(button, scrub, place);
  root.append(bar);
  const share = Math.min(0.17, 0.4 / data.strips.length); // of the window's height
  const rows = data.strips.map((strip) => drawRow(strip, share, (n) => { pause(); go(n); }));
  root.append(...rows.map((r) => r.box));

  const go = (at) => {
    state.place = Math.min(Math.max(at, 0), steps - 1);
    const frame = Math.round(state.place);
    scrub.value = state.place;
    place.textContent = `frame ${frame + 1} of ${steps}`;
    root.dataset.frame = frame;
    for (const row of rows) row.show(frame);
    // The maps show it on their paths; one that mounts later asks the window.
    window.latentboardPlace = state.place;
    window.dispatchEvent(new CustomEvent("latentboard-walk", { detail: state.place }));
  };
  const label = () => { button.textContent = state.playing ? "❚❚ Pause" : "▶ Play"; };
  const pause = () => { state.playing = false; cancelAnimationFrame(state.request); label(); };
  const play = () => {
    state.playing = true;
    label();
    let before = performance.now();
    const tick = (now) => {
      // Forth and back, so that the loop has no jump.
      let next = state.place + (state.direction * (now - before) * (steps - 1)) / (1000 * data.seconds);
      before = now;
      if (next >= steps - 1 || next <= 0) state.direction = next <= 0 ? 1 : -1;
      go(next);
      if (state.playing) state.request = requestAnimationFrame(tick);
    };
    cancelAnimationFrame(state.request);
    state.request = requestAnimationFrame(tick);
  };
  button.onclick = () => (state.playing ? pause() : play());
  scrub.oninput = () => { pause(); go(Number(scrub.value)); };

  Promise.all(rows.map((r) => r.ready)).then(() => { go(state.place); if (state.playing) play(); });
  label();
  return () => { cancelAnimationFrame(state.request); };
}

function element(tag, className = "") {
  const made = document.createElement(tag);
  made.className = className;
  return made;
}

function drawRow(strip, share, jump) {
  const box = element("div", "row");
  box.style.setProperty("--accent", strip.accent);
  const side = Math.min(Math.max(share * window.innerHeight, 84), 220);
  const big = canvas(strip, side, "big");
  big.style.borderColor = strip.accent;
  big.setAttribute("role", "img");
  big.setAttribute("aria-label", `${strip.label}: decoded image at this place of the path`);
  const right = element("div");
  const label = element("div", "label");
  const dot = element("span", "dot");
  dot.style.background = strip.accent;
  label.append(dot, strip.label);
  const frames = element("div", "frames");
  const small = [];
  for (let n = 0; n < strip.count; n++) {
    const button = element("button", "frame");
    button.type = "button";
    button.title = strip.captions[n] ?? "";
    button.setAttribute("aria-label", `${strip.label}, frame ${n + 1}`);
    button.onclick = () => jump(n);
    small.push(canvas(strip, 0));
    button.append(small[n]);
    frames.append(button);
  }
  // Full rows of equal length, as few as keep a frame readable.
  new ResizeObserver(([entry]) => {
    const lines = Math.ceil((strip.count * SMALLEST) / Math.max(entry.contentRect.width, SMALLEST));
    const across = Math.ceil(strip.count / lines);
    frames.style.gridTemplateColumns = `repeat(${across}, minmax(0, ${LARGEST}px))`;
  }).observe(frames);
  const curve = strip.curve.length ? drawCurve(strip.curve) : null;
  right.append(label, frames, ...(curve ? [curve.box] : []));
  box.append(big, right);

  const sheet = new Image();
  const cut = (target, n) => {
    const context = target.getContext("2d");
    const x = (n % strip.columns) * strip.width, y = Math.floor(n / strip.columns) * strip.height;
    context.drawImage(sheet, x, y, strip.width, strip.height, 0, 0, strip.width, strip.height);
  };
  const ready = new Promise((done) => {
    sheet.onload = () => { small.forEach(cut); done(); };
    sheet.src = strip.sheet;
  });
  let shown = -1;
  const show = (n) => {
    if (n === shown || n >= strip.count) return;
    if (shown >= 0) frames.children[shown].removeAttribute("aria-current");
    frames.children[n].setAttribute("aria-current", "true");
    cut(big, n);
    curve?.mark(n);
    shown = n;
  };
  return { box, ready, show };
}

// A figure of each frame over the path: red beyond 1, with a line where the walk stands.
function drawCurve(values) {
  const box = element("div", "curve"), space = "http://www.w3.org/2000/svg", high = Math.max(1.5, ...values) * 1.05;
  const picture = document.createElementNS(space, "svg"), last = Math.max(values.length - 1, 1);
  picture.setAttribute("viewBox", "0 0 100 30");
  picture.setAttribute("preserveAspectRatio", "none");
  picture.setAttribute("role", "img");
  picture.setAttribute("aria-label", `Farthest from real codes: ${Math.max(...values).toFixed(2)} times what is typical`);
  const part = (name, given) => {
    const made = document.createElementNS(space, name);
    for (const [key, value] of Object.entries(given)) made.setAttribute(key, value);
    picture.append(made);
    return made;
  };
  const x = (n) => (100 * n) / last, y = (v) => 30 - (30 * v) / high;
  values.forEach((value, n) => {
    const left = Math.max(x(n - 0.5), 0), right = Math.min(x(n + 0.5), 100);
    part("rect", { x: left, y: y(value), width: right - left, height: 30 - y(value), class: value > 1 ? "over" : "under" });
  });
  part("line", { x1: 0, x2: 100, y1: y(1), y2: y(1), class: "limit" });
  const now = part("line", { x1: 0, x2: 0, y1: 0, y2: 30, class: "now" });
  box.append(picture);
  return { box, mark: (n) => { now.setAttribute("x1", x(n)); now.setAttribute("x2", x(n)); } };
}

function canvas(strip, side, className = "") {
  const made = element("canvas", className);
  Object.assign(made, { width: strip.width, height: strip.height });
  if (side) {
    const scale = side / Math.max(strip.width, strip.height);
    made.style.width = `${strip.width * scale}px`;
    made.style.height = `${strip.height * scale}px`;
  }
  return made;
}
