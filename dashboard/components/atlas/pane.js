// One map of an atlas: points on the graphics card between a layer behind them and a layer before them.
class Pane {
  constructor(atlas, slot) {
    Object.assign(this, { atlas, slot, camera: new Camera(), busy: false });
    this.box = make("div", "pane");
    this.title = make("div", "title");
    this.stack = make("div", "stack");
    [this.back, this.middle, this.images, this.front] = ["back", "middle", "images", "front"].map((name) => make("canvas", name));
    this.stack.append(this.back, this.middle, this.images, this.front);
    this.foot = make("div", "foot");
    this.scale = make("div", "scale");
    this.trust = make("div", "foot trust");
    this.box.append(this.title, this.stack, this.foot, this.scale, this.trust);
    for (const canvas of [this.back, this.middle, this.images]) canvas.setAttribute("aria-hidden", "true");
    atlas.grid.append(this.box);
    this.points = new Points(this.middle);
    this.sprites = new Sprites(this, this.images);
    this.observer = new ResizeObserver(() => {
      if (!this.camera.touched) this.fit();
      this.viewChanged();
    });
    this.observer.observe(this.stack);
    this.front.onpointermove = (event) => this.moved(event);
    this.front.onpointerdown = (event) => this.pressed(event);
    this.front.onpointerup = (event) => this.released(event);
    this.front.onpointerleave = () => this.left();
    this.front.ondblclick = () => { if (atlas.data.selectable) atlas.trigger("cleared", true); };
    this.front.addEventListener("wheel", (event) => this.wheeled(event), { passive: false });
  }

  get width() { return this.stack.clientWidth; }
  get height() { return this.stack.clientHeight; }
  get map() { return this.atlas.data.maps[this.slot]; }

  async load(map) {
    this.title.replaceChildren(make("span", "dot"), make("b", "", map.label), make("span", "said", map.note ?? ""));
    this.title.firstChild.style.background = map.accent;
    this.front.setAttribute("role", "img");
    this.front.setAttribute("aria-label", map.alt);
    if (this.query !== map.query) {
      this.sprites.pictures.clear();
      Object.assign(this, { query: map.query, bounds: map.bounds, ground: null, mark: null, part: null, places: null });
      this.camera.touched = false;
    }
    if (this.atlas.data.many) {
      if (!this.places) this.hold(NO_POINTS, NO_POINTS);
      if (!this.camera.touched) this.fit();
      await this.loadPart();
      return;
    }
    const turn = (this.turn = {});
    const [places, values] = await Promise.all([floats("map", map.query), floats("values", map.values)]);
    if (turn !== this.turn) return;
    this.hold(places, values);
  }

  hold(places, values, bounds = this.bounds) {
    this.values = values;
    if (this.places === places) return;
    this.places = places;
    this.index = new Index(places, bounds);
    this.points.put("place", places);
    this.points.put("other", places);
  }

  // Of a large map the server gives the part in view: its points where they are few, else a picture of their density.
  // One question at a time; what comes into view meanwhile is asked for next.
  async loadPart() {
    if (!this.width || this.asked) { this.again = Boolean(this.width); return; }
    this.asked = true;
    this.stack.classList.add("asking");
    try {
      do {
        this.again = false;
        if (this.covered()) continue;
        const { map, atlas } = this, { colour, lit } = atlas.data, name = this.partName(), view = this.view(PART), { zoom } = this.camera;
        const [left, bottom, right, top] = view, cells = PART / CELL;
        const named = { left, bottom, right, top, across: Math.round(this.width * cells), up: Math.round(this.height * cells) };
        const query = new URLSearchParams({ ...named, low: colour.low ?? 0, high: colour.high ?? 1, lit: lit ?? "" });
        const [about, buffer, start] = unframed(await ask("many", `${map.values}&${query}`));
        const part = { ...about, name, view, zoom };
        if (about.points) {
          const n = about.within, at = (bytes) => start + n * bytes;
          part.numbers = new Uint32Array(buffer, at(12), n);
          part.lit = lit ? new Uint8Array(buffer, at(16), n) : null;
          this.hold(new Float32Array(buffer, start, 2 * n), new Float32Array(buffer, at(8), n), view);
        } else {
          part.picture = await createImageBitmap(new Blob([new Uint8Array(buffer, start)], { type: "image/png" }));
          this.hold(NO_POINTS, NO_POINTS);
        }
        this.part = part;
        this.fill();
        this.draw();
        this.sprites.fetch();
      } while (this.again);
    } finally {
      this.asked = false;
      this.stack.classList.remove("asking");
      if (this.again) this.loadPart().catch((error) => this.atlas.say(error.message));
    }
  }

  partName() { return [this.map.values, this.atlas.data.lit, this.atlas.data.colour.low, this.atlas.data.colour.high].join(); }

  // Whether what the server gave last still shows what is in view, as finely as it should.
  covered() {
    const { part } = this;
    if (part?.name !== this.partName()) return false;
    const [l, b, r, t] = this.view(1), [left, bottom, right, top] = part.view, finer = this.camera.zoom / part.zoom;
    return l >= left && b >= bottom && r <= right && t <= top && (part.points || (finer < 1.15 && finer > 0.7));
  }

  // What is in view, and `share` times as much: left, bottom, right, top.
  view(share) {
    const [w, h] = [(share * this.width) / 2 / this.camera.zoom, (share * this.height) / 2 / this.camera.zoom];
    return [this.camera.x - w, this.camera.y - h, this.camera.x + w, this.camera.y + h];
  }

  fill() {
    const { colour } = this.atlas.data;
    this.points.put("value", this.values);
    this.points.palette(colour.colours.map(rgb), colour.kind !== "class");
    this.points.light(this.lit);
  }

  // Which of the points that are held stand out; null where all do.
  get lit() { return this.atlas.data.many ? this.part?.lit : this.atlas.lit; }

  ready() {
    const { atlas, map } = this;
    this.fill();
    const other = atlas.panes[1 - this.slot]?.places;
    if (atlas.data.blend && other) this.points.put("other", other);
    if (!this.camera.touched) this.fit();
    this.foot.textContent = [map.titles[0] && `→ ${map.titles[0]}   ↑ ${map.titles[1]}`].filter(Boolean).join("");
    this.viewChanged();
    this.sprites.fetch();
    this.judge(map.query);
  }

  // How far the map can be trusted; the first time that is measured, it takes some seconds.
  async judge(query) {
    if (!this.atlas.data.trust || this.judged === query) return;
    this.judged = query;
    this.trust.textContent = "Measuring how far this map can be trusted…";
    this.trust.title = this.atlas.data.trustMeaning;
    const said = await ask("trust", query).then((b) => new TextDecoder().decode(b), () => "");
    if (this.judged === query) this.trust.textContent = said;
  }

  fit() {
    if (this.bounds && this.width) this.camera.fit(this.bounds, this.width, this.height);
  }

  // Pixels a unit at which the whole map is about in view.
  wholeZoom() {
    const [left, bottom, right, top] = this.bounds;
    return Math.min(this.width, this.height) / Math.max(right - left, top - bottom, 1e-9);
  }

  toScreen(place) { return this.camera.toScreen(place, this.width, this.height); }
  toPlane(pixel) { return this.camera.toPlane(pixel, this.width, this.height); }
  placeOf(i) { return [this.places[2 * i], this.places[2 * i + 1]]; }

  // --- drawing ---

  viewChanged() {
    this.draw();
    clearTimeout(this.settling);
    this.settling = setTimeout(() => {
      this.drawBack();
      this.sprites.fetch();
    }, 120);
    if (this.atlas.data.many) this.loadPart().catch((error) => this.atlas.say(error.message));
  }

  draw() {
    if (!this.places || !this.width) return;
    this.sprites.choose();
    this.sayWhat();
    const { atlas, camera, width, height } = this, { colour, faded } = atlas.data;
    const ratio = window.devicePixelRatio || 1;
    const blend = atlas.data.blend && !this.slot ? atlas.blend ?? 0 : 0;
    const whole = this.wholeZoom();
    const size = Math.min(14, Math.max(2.5, 17 - 3.2 * Math.log10(atlas.data.many || this.places.length / 2)) * Math.sqrt(camera.zoom / whole));
    this.points.draw({
      camera, width, height, ratio, size, blend, opacity: faded ? 0.35 : 0.8,
      low: colour.low ?? 0, high: colour.high ?? 1, steps: colour.kind === "class" ? colour.colours.length : 0,
    });
    this.placeBack();
    this.sprites.paint();
    this.drawFront();
    this.atlas.drawLines();
  }

  // What of the map is shown how, where that is not all of it as points.
  sayWhat() {
    const { many } = this.atlas.data, { part, sprites } = this, counted = (n) => n.toLocaleString("en");
    const said = [many ? `${counted(many)} codes as density` : sprites.chosen.length ? "" : this.map.note];
    if (part?.points) {
      const [left, bottom, right, top] = this.view(1);
      said.push(`${counted([...this.index.within(left, bottom, right, top)].length)} in view as points`);
    }
    if (sprites.chosen.length) said.push(`${counted(sprites.chosen.length)} of ${counted(sprites.seen)} as images`);
    const text = said.filter(Boolean).join(", ");
    if (this.title.lastChild.textContent !== text) Object.assign(this.title.lastChild, { textContent: text, title: text });
  }

  context(canvas) {
    const ratio = window.devicePixelRatio || 1, w = Math.round(this.width * ratio), h = Math.round(this.height * ratio);
    if (canvas.width !== w || canvas.height !== h) Object.assign(canvas, { width: w, height: h });
    const context = canvas.getContext("2d");
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, this.width, this.height);
    context.imageSmoothingEnabled = false;
    return context;
  }

  // What lies before the points: paths, named rows, the row under the pointer, the shape being drawn.
  drawFront() {
    if (!this.places || !this.width) return;
    const context = this.context(this.front), { map } = this;
    for (const [colour, places] of map.clouds) for (const place of places) disc(context, this.toScreen(place), 2.6, colour, "#ffffff", 0.6);
    // The first one last, so that it lies on top.
    [...map.paths].reverse().forEach((path, n) => this.drawPath(context, path, n === map.paths.length - 1));
    map.named.forEach(([text, place], n) => label(context, this.toScreen(place), text, map.accent, n % 2 ? 20 : -20));
    map.pins.forEach(([name, place]) => pin(context, this.toScreen(place), name, map.accent));
    if (this.mark) (this.mark.row == null ? cross : ring)(context, this.toScreen(this.mark.place), map.accent);
    if (this.shape?.length > 1) outline(context, this.shape);
  }

  // One path of a walk, with the spot that walks on it; a second one is dashed.
  drawPath(context, path, first) {
    const dots = path.map((p) => this.toScreen(p));
    context.lineJoin = "round";
    context.setLineDash(first ? [] : [2, 7]);
    for (const [colour, width] of [["#ffffff", 7], ["#1c2030", 5], [this.map.accent, 3]]) {
      context.beginPath();
      dots.forEach(([x, y]) => context.lineTo(x, y));
      Object.assign(context, { strokeStyle: colour, lineWidth: width });
      context.stroke();
    }
    context.setLineDash([]);
    if (!first) return;
    for (const dot of dots) disc(context, dot, 3, "#ffffff", this.map.accent, 1.5);
    if (this.atlas.place == null) return;
    const from = Math.min(Math.floor(this.atlas.place), dots.length - 1), to = Math.min(from + 1, dots.length - 1);
    const t = this.atlas.place - from, spot = [0, 1].map((c) => dots[from][c] + t * (dots[to][c] - dots[from][c]));
    this.box.dataset.spot = spot.map((v) => v.toFixed(1));
    disc(context, spot, 8, this.map.accent, "#ffffff", 3);
    context.beginPath();
    context.arc(...spot, 9.5, 0, 2 * Math.PI);
    Object.assign(context, { strokeStyle: "#1c2030", lineWidth: 1.5 });
    context.stroke();
  }

  // --- what lies behind: decoded tiles, or where the space is alive ---

  async drawBack() {
    const layer = this.atlas.data.layers.behind;
    if (layer === "none" || layer === "tiles") this.scale.replaceChildren();
    if (layer === "none" || !this.places || !this.width) {
      this.ground = null;
      this.placeBack();
      return;
    }
    const { width, height } = this, [left, top] = this.toPlane([0, 0]), [right, bottom] = this.toPlane([width, height]);
    const key = [layer, left, top, right, bottom, this.map.query].join();
    if (this.ground?.key === key || this.asking === key) return;
    this.asking = key;
    this.stack.classList.add("asking");
    try {
      const picture = layer === "tiles" ? await this.tiles(left, top, right, bottom) : await this.heat(layer, left, top, right, bottom);
      if (this.asking === key) this.ground = { key, picture, left, top, right, bottom };
    } catch (error) {
      this.atlas.say(error.message);
    } finally {
      if (this.asking === key) {
        this.asking = null;
        this.stack.classList.remove("asking");
      }
    }
    this.placeBack();
    this.box.dataset.behind = layer;
  }

  async tiles(left, top, right, bottom) {
    // As many as one request may ask for: on a large window tiles are larger.
    const side = Math.max(TILE, Math.sqrt((this.width * this.height) / 1000));
    const across = Math.max(2, Math.floor(this.width / side)), up = Math.max(2, Math.floor(this.height / side));
    const places = new Float32Array(2 * across * up);
    for (let r = 0; r < up; r++)
      for (let c = 0; c < across; c++)
        places.set([left + ((c + 0.5) / across) * (right - left), top + ((r + 0.5) / up) * (bottom - top)], 2 * (r * across + c));
    const [about, buffer, start] = unframed(await ask("decode", this.map.query, { method: "POST", body: places }));
    const [, channels, h, w] = about.shape, tile = make("canvas"), sheet = make("canvas");
    Object.assign(sheet, { width: across * w, height: up * h });
    const context = sheet.getContext("2d");
    for (let n = 0; n < across * up; n++) {
      paint(tile, buffer, start + n * channels * h * w, [channels, h, w]);
      context.drawImage(tile, (n % across) * w, Math.floor(n / across) * h);
    }
    return sheet;
  }

  async heat(kind, left, top, right, bottom) {
    const up = 56, across = Math.min(128, Math.max(2, Math.round((up * this.width) / this.height)));
    const view = new URLSearchParams({ left, bottom, right, top, across, up, kind });
    const [about, buffer, start] = unframed(await ask("heat", `${this.map.query}&${view}`));
    const values = new Float32Array(buffer, start), sheet = make("canvas");
    Object.assign(sheet, { width: across, height: up });
    const context = sheet.getContext("2d"), image = context.createImageData(across, up);
    const sorted = Float32Array.from(values).sort();
    // A round trip is judged by that of real codes; sensitivity has no such measure and is spread by its quantiles.
    const share = (v) => kind === "round-trip" ? Math.min(v / (2 * about.typical), 1) : rankOf(sorted, v);
    const scale = this.atlas.data.heat.map(rgb);
    values.forEach((v, i) => image.data.set([...scale[Math.round(share(v) * (scale.length - 1))], 255], 4 * i));
    context.putImageData(image, 0, 0);
    this.drawScale(kind, about.typical);
    return sheet;
  }

  // The legend of the layer behind.
  drawScale(kind, typical) {
    const [low, high] = kind === "round-trip" ? ["error 0", `${(2 * typical).toPrecision(2)} and over`] : ["least in view", "most"];
    const bar = make("i", "");
    bar.style.background = `linear-gradient(to right, ${this.atlas.data.heat.join()})`;
    const parts = [make("span", "", low), bar, make("span", "", high)];
    if (kind === "round-trip") bar.append(make("b", "", `real codes under ${typical.toPrecision(2)}`));
    this.scale.replaceChildren(...parts);
  }

  placeBack() {
    const context = this.context(this.back), { ground, part } = this;
    if (ground) this.placeGround(context, ground);
    if (!part?.picture) return;
    const [left, bottom, right, top] = part.view, [x, y] = this.toScreen([left, top]), [ex, ey] = this.toScreen([right, bottom]);
    context.imageSmoothingEnabled = false;
    context.globalAlpha = this.atlas.data.faded ? 0.5 : 1;
    context.drawImage(part.picture, x, y, ex - x, ey - y);
    context.globalAlpha = 1;
  }

  placeGround(context, ground) {
    const [x0, y0] = this.toScreen([ground.left, ground.top]), [x1, y1] = this.toScreen([ground.right, ground.bottom]);
    context.imageSmoothingEnabled = this.atlas.data.layers.behind !== "tiles";
    context.globalAlpha = this.atlas.data.layers.behind === "tiles" ? 1 : 0.85;
    context.drawImage(ground.picture, x0, y0, x1 - x0, y1 - y0);
    context.globalAlpha = 1;
  }

  // --- the hand ---

  pixel(event) {
    const box = this.front.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  moved(event) {
    if (!this.places) return;
    const pixel = this.pixel(event), { atlas } = this;
    if (this.press && Math.hypot(pixel[0] - this.press.pixel[0], pixel[1] - this.press.pixel[1]) > STILL) this.press.drag = true;
    if (this.press?.drag) {
      if (this.press.pan) {
        this.camera.x -= (pixel[0] - this.press.last[0]) / this.camera.zoom;
        this.camera.y += (pixel[1] - this.press.last[1]) / this.camera.zoom;
        this.camera.touched = true;
        this.press.last = pixel;
        this.viewChanged();
      } else {
        const [a, b] = [this.press.pixel, pixel];
        if (atlas.tool === "box") this.shape = [a, [b[0], a[1]], b, [a[0], b[1]]];
        else {
          this.shape ??= [a];
          const last = this.shape.at(-1);
          if (Math.hypot(b[0] - last[0], b[1] - last[1]) > 2 && this.shape.length < 4000) this.shape.push(b);
        }
        this.drawFront();
      }
      atlas.lens.hide();
      return;
    }
    this.pointer = { pixel, place: this.toPlane(pixel) };
    if (!this.waiting) {
      this.waiting = true;
      requestAnimationFrame(() => { this.waiting = false; if (this.pointer) this.look(); });
    }
  }

  look() {
    const { atlas, pointer } = this;
    const near = atlas.data.many ? -1 : this.index.nearest(pointer.place, REACH / this.camera.zoom);
    if (near >= 0) atlas.mark((p) => ({ place: p.placeOf(near), row: atlas.rows[near] }));
    else if (this.mark && !this.mark.asked) atlas.mark(() => null);
    this.keepLens();
    this.wanted = this.latest = near >= 0
      ? { row: atlas.rows[near], place: this.placeOf(near), kind: this.values[near] }
      : { row: null, place: pointer.place };
    if (!this.busy) this.answer();
  }

  // The pictures stay beside the pointer.
  keepLens() {
    const box = this.front.getBoundingClientRect(), root = this.atlas.root.getBoundingClientRect(), [px, py] = this.pointer.pixel;
    this.atlas.lens.follow(px + box.left - root.left, py + box.top - root.top, root.width, root.height);
  }

  // One question at a time; what was wanted meanwhile comes next, and what was wanted before it never.
  async answer() {
    this.busy = true;
    try {
      while (this.wanted && this.pointer) {
        const wanted = this.wanted;
        this.wanted = null;
        await this.show(wanted);
      }
    } catch (error) {
      this.atlas.say(error.message);
    } finally {
      this.busy = false;
    }
  }

  async lookAt({ row, place }) {
    const { map, atlas } = this, { originals, many } = atlas.data, other = atlas.panes.length === 2;
    const about = row == null ? (many ? `&reach=${REACH / this.camera.zoom}` : "") : `&row=${row}`;
    const query = map.query + about + (originals ? "&original=1" : "") + (other ? `&${map.partner}` : "");
    return unframed(await ask("decode", query, { method: "POST", body: Float32Array.from(place) }));
  }

  async show(wanted) {
    const { atlas, map } = this, { lens } = atlas, maps = atlas.data.maps;
    const other = atlas.panes.length === 2 ? maps[1 - this.slot] : null;
    const [about, buffer, start] = await this.lookAt(wanted);
    if (!this.pointer) return; // it has left meanwhile
    const row = wanted.row ?? about.row, kind = wanted.kind ?? about.label;
    const [, ...shape] = about.shape, size = shape[0] * shape[1] * shape[2];
    const slots = [];
    about.parts.forEach((part, n) => {
      const of = part === "other" ? other : map;
      const canvas = part === "original" ? lens.slot("0", "original", "var(--st-border-color)") : lens.slot(of.letter, of.short, of.accent);
      slots.push(part === "original" ? "0" : of.letter);
      paint(canvas, buffer, start + n * size, shape);
    });
    lens.only(slots);
    this.keepLens();
    const what = row != null ? `#${row}` : about.exact ? "decoded here" : "decoded here, approximately";
    lens.head.textContent = row != null && atlas.data.colour.kind === "class" ? `${atlas.data.colour.names[kind]} · ${what}` : what;
    // What the page did not know itself: where that is on the other map and, of a large map, which row is near.
    if (this.latest.row == null)
      atlas.mark((p) => p === this ? about.place && { place: about.place, row, asked: true } : about.places && { place: about.places[0], row, asked: true });
    atlas.root.dataset.looks = Number(atlas.root.dataset.looks ?? 0) + 1;
  }

  left() {
    this.pointer = null;
    this.wanted = null;
    this.atlas.lens.hide();
    this.atlas.mark(() => null);
  }

  pressed(event) {
    if (event.button > 1) return;
    const pixel = this.pixel(event), { atlas } = this;
    atlas.lens.hide(); // it would cover what the click brings
    const pan = atlas.tool === "pan" || event.button === 1 || event.shiftKey || !atlas.data.selectable;
    this.press = { pixel, last: pixel, pan, drag: false };
    this.front.setPointerCapture(event.pointerId);
  }

  released() {
    const { press, shape, atlas } = this;
    this.press = this.shape = null;
    if (!press || !this.places) return;
    if (!press.drag) {
      this.clicked(this.toPlane(press.pixel)).catch((error) => atlas.say(error.message));
    } else if (shape?.length > 2) {
      const polygon = shape.map((p) => this.toPlane(p));
      if (atlas.data.many) {
        atlas.trigger("lassoed", { slot: this.slot, polygon }); // only the server has all points
        return;
      }
      const xs = polygon.map((p) => p[0]), ys = polygon.map((p) => p[1]);
      const lit = new Uint8Array(this.places.length / 2);
      let found = 0;
      for (const i of this.index.within(Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)))
        if (inside(polygon, ...this.placeOf(i))) found += lit[i] = 1;
      if (found) {
        // Lit at once on every map; the page's answer takes a moment.
        atlas.lit = lit;
        atlas.panes.forEach((p) => { p.points.light(lit); p.draw(); });
        atlas.trigger("lassoed", { slot: this.slot, polygon });
      }
    }
    this.drawFront();
  }

  async clicked(place) {
    const { atlas } = this, near = atlas.data.many ? -1 : this.index.nearest(place, REACH / this.camera.zoom);
    const row = atlas.data.many ? (await this.lookAt({ row: null, place }))[0].row : near >= 0 ? atlas.rows[near] : null;
    if (row != null) atlas.trigger("picked", row);
    else if (atlas.data.pins) atlas.trigger("pinned", { slot: this.slot, place });
  }

  giveUp() {
    this.press = this.shape = null;
    this.drawFront();
  }

  wheeled(event) {
    event.preventDefault();
    const factor = Math.exp(-event.deltaY * 0.0016), next = this.camera.zoom * factor, whole = this.wholeZoom();
    if (next < whole / 4 || next > whole * 5000) return;
    this.camera.zoomAt(this.pixel(event), factor, this.width, this.height);
    this.viewChanged();
  }

  free() {
    clearTimeout(this.settling);
    this.observer.disconnect();
    this.points.free();
    this.box.remove();
  }
}

function rankOf(sorted, value) {
  let low = 0, high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] < value) low = middle + 1;
    else high = middle;
  }
  return low / sorted.length;
}

function disc(context, [x, y], radius, fill, stroke, width) {
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  Object.assign(context, { fillStyle: fill, strokeStyle: stroke, lineWidth: width });
  context.fill();
  context.stroke();
}

function ring(context, [x, y], accent) {
  for (const [colour, width] of [["#1c2030", 6], ["#ffffff", 4.5], [accent, 2.5]]) {
    context.beginPath();
    context.arc(x, y, 9, 0, 2 * Math.PI);
    Object.assign(context, { strokeStyle: colour, lineWidth: width });
    context.stroke();
  }
}

// A place that is no row's.
function cross(context, [x, y], accent) {
  for (const [colour, width] of [["#1c2030", 6], ["#ffffff", 4.5], [accent, 2.5]]) {
    context.beginPath();
    for (const [dx, dy] of [[7, 0], [0, 7]]) {
      context.moveTo(x - dx, y - dy);
      context.lineTo(x + dx, y + dy);
    }
    Object.assign(context, { strokeStyle: colour, lineWidth: width });
    context.stroke();
  }
}

function label(context, [x, y], text, accent, above) {
  disc(context, [x, y], 7, accent, "#ffffff", 2.5);
  tag(context, x, y + above, text, accent);
}

function pin(context, [x, y], name, accent) {
  context.beginPath();
  context.moveTo(x, y);
  context.lineTo(x - 6, y - 12);
  context.lineTo(x + 6, y - 12);
  context.closePath();
  context.fillStyle = accent;
  context.fill();
  tag(context, x, y - 20, name, accent);
}

function tag(context, x, y, text, accent) {
  context.font = "600 12px sans-serif";
  const width = context.measureText(text).width + 8, ratio = context.getTransform().a;
  // Wholly in view, also beside an edge.
  x = Math.max(width / 2 + 1, Math.min(context.canvas.width / ratio - width / 2 - 1, x));
  y = Math.max(10, Math.min(context.canvas.height / ratio - 10, y));
  context.fillStyle = accent;
  context.fillRect(x - width / 2, y - 9, width, 18);
  Object.assign(context, { fillStyle: "#ffffff", textAlign: "center", textBaseline: "middle" });
  context.fillText(text, x, y);
}

function outline(context, shape) {
  context.beginPath();
  shape.forEach(([x, y]) => context.lineTo(x, y));
  context.closePath();
  Object.assign(context, { fillStyle: "rgba(109, 116, 232, 0.15)", strokeStyle: "#6d74e8", lineWidth: 1.5 });
  context.setLineDash([5, 4]);
  context.fill();
  context.stroke();
  context.setLineDash([]);
}
