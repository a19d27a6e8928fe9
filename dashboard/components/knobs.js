// Directions of a latent space as rows of decoded images, each with a slider in standard deviations.  What the sliders
// say is decoded by a route of the app's own process while they are dragged; when the hand rests, all rows follow.
const RESTS = 160; // milliseconds without a movement after which the rows are decoded anew
const states = new WeakMap();

export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".root");
  let knobs = states.get(parentElement);
  if (!knobs) states.set(parentElement, (knobs = new Knobs(root)));
  knobs.update(data);
  return () => { knobs.free(); states.delete(parentElement); };
}

function button(text, title, act) {
  const made = make("button", "", text);
  Object.assign(made, { type: "button", title, onclick: act });
  return made;
}

// Two draws of N(0, 1).  (Box & Muller 1958)
function normal() {
  const r = Math.sqrt(-2 * Math.log(1 - Math.random())), angle = 2 * Math.PI * Math.random();
  return [r * Math.cos(angle), r * Math.sin(angle)];
}

class Knobs {
  constructor(root) {
    Object.assign(this, { root, busy: false, wanted: null, turned: [] });
    root.knobs = this;
  }

  update(data) {
    // Where the sliders stand stays as long as they are about the same.
    const about = JSON.stringify([data.query, data.centre, data.rows.map((r) => [r.name, r.axis, r.vector])]);
    const kept = about === this.about;
    Object.assign(this, { data, about });
    if (kept && this.root.childElementCount) return;
    this.base = Float32Array.from(data.centre);
    this.turned = data.rows.map(() => 0);
    this.draw();
    this.refresh();
  }

  draw() {
    const { data, root } = this, [, height, width] = data.shape;
    root.style.setProperty("--accent", data.accent);
    root.style.setProperty("--steps", data.steps);
    root.style.setProperty("--aspect", `${width} / ${height}`);
    this.big = make("canvas", "big");
    this.big.setAttribute("role", "img");
    this.big.setAttribute("aria-label", `${data.label}: the image that the sliders make`);
    const head = make("div", "head"), right = make("div", "right"), title = make("div", "title");
    title.append(make("span", "dot"), data.label);
    const bar = make("div", "bar");
    bar.append(button("Reset", "All sliders back to the centre", () => this.start(this.data.centre)));
    if (data.prior) bar.append(button("Random from prior", "A draw of N(0, I) as the centre", () => this.start(this.draws())));
    this.said = make("div", "said", data.said);
    right.append(title, this.said, bar);
    head.append(this.big, right);
    this.rows = data.rows.map((row, k) => this.row(row, k));
    root.replaceChildren(head, ...this.rows.map((r) => r.box));
  }

  row(about, k) {
    const box = make("div", about.collapsed ? "row collapsed" : "row"), name = make("div", "name");
    name.append(make("b", "", about.name), make("span", "", about.note));
    name.title = `${about.name}: ${about.note}`;
    const strip = make("div", "strip"), slider = make("input"), value = make("output", "", "0 sd");
    Object.assign(slider, { type: "range", min: about.low, max: about.high, step: "any", value: 0 });
    slider.setAttribute("aria-label", `${this.data.label}, ${about.name}, in standard deviations`);
    slider.oninput = () => this.turn(k, Number(slider.value));
    slider.ondblclick = () => this.turn(k, 0);
    const tiles = this.values(about).map((t) => {
      const tile = button("", `${about.name} at ${t.toFixed(2)} standard deviations`, () => this.turn(k, t));
      const canvas = make("canvas");
      tile.append(canvas);
      strip.append(tile);
      return canvas;
    });
    const right = make("div", "right");
    right.append(strip, slider);
    box.append(name, right, value);
    return { box, slider, value, tiles };
  }

  values({ low, high }) {
    const { steps } = this.data;
    return Array.from({ length: steps }, (_, n) => low + (n / (steps - 1)) * (high - low));
  }

  draws() {
    const code = new Float32Array(this.base.length);
    for (let d = 0; d < code.length; d += 2) code.set(normal().slice(0, code.length - d), d);
    return code;
  }

  start(code) {
    this.base = Float32Array.from(code);
    this.turned.fill(0);
    this.rows.forEach((r) => { r.slider.value = 0; r.value.textContent = "0 sd"; });
    this.refresh();
  }

  turn(k, t) {
    this.turned[k] = t;
    const { slider, value } = this.rows[k];
    slider.value = t;
    value.textContent = `${t > 0 ? "+" : ""}${t.toFixed(1)} sd`;
    this.wanted = this.code();
    this.follow();
    clearTimeout(this.resting);
    this.resting = setTimeout(() => this.refresh(), RESTS);
  }

  // The code that the sliders say; with `k`, where that one says `t`.
  code(k = -1, t = 0) {
    const code = Float32Array.from(this.base);
    this.data.rows.forEach(({ axis, vector, sd }, n) => {
      const by = sd * (n === k ? t : this.turned[n]);
      if (!by) return;
      if (axis != null) code[axis] += by;
      else for (let d = 0; d < code.length; d++) code[d] += by * vector[d];
    });
    return code;
  }

  // One question at a time; of what was wanted meanwhile only the last is asked.
  async follow() {
    if (this.busy) return;
    this.busy = true;
    try {
      while (this.wanted) {
        const code = this.wanted;
        this.wanted = null;
        const [buffer, start] = await this.decode(code);
        paint(this.big, buffer, start, this.data.shape);
        this.root.dataset.looks = Number(this.root.dataset.looks ?? 0) + 1;
      }
      this.said.textContent = this.data.said;
    } catch (error) {
      this.said.textContent = error.message;
    } finally {
      this.busy = false;
    }
  }

  async refresh() {
    const turn = (this.refreshing = {}), { data } = this, all = [this.code()];
    data.rows.forEach((row, k) => this.values(row).forEach((t) => all.push(this.code(k, t))));
    const size = data.shape.reduce((a, b) => a * b), most = data.most;
    try {
      for (let from = 0; from < all.length; from += most) {
        const part = all.slice(from, from + most), codes = new Float32Array(part.length * this.base.length);
        part.forEach((code, n) => codes.set(code, n * code.length));
        const [buffer, start] = await this.decode(codes);
        if (turn !== this.refreshing) return; // moved on meanwhile
        part.forEach((_, n) => paint(this.target(from + n), buffer, start + n * size, data.shape));
      }
      this.root.dataset.drawn = Number(this.root.dataset.drawn ?? 0) + 1;
    } catch (error) {
      this.said.textContent = error.message;
    }
  }

  target(n) {
    if (!n) return this.big;
    const { steps } = this.data;
    return this.rows[Math.floor((n - 1) / steps)].tiles[(n - 1) % steps];
  }

  async decode(codes) {
    const [, buffer, start] = unframed(await ask("codes", this.data.query, { method: "POST", body: codes }));
    return [buffer, start];
  }

  free() { clearTimeout(this.resting); }
}
