// Images instead of points: as many as have room beside each other, the same ones wherever the map is moved.  Their
// points stay under them, and so do those of the others.
class Sprites {
  constructor(pane, canvas) {
    Object.assign(this, { pane, canvas, pictures: new Map(), chosen: [], seen: 0, missing: 0 });
  }

  get on() {
    const { sprites } = this.pane.atlas.data.layers;
    return sprites === "on" || (sprites === "auto" && this.seen > 0 && this.seen <= SPRITES);
  }

  // Which points of a view are drawn as images: those that are lit first, else in a fixed random order.
  choose() {
    const { pane } = this, { width, height, places, lit, atlas } = pane;
    Object.assign(this, { chosen: [], seen: 0 });
    if (atlas.data.layers.sprites === "off" || atlas.blend || !places.length) return;
    const inView = [];
    for (const i of shuffled(places.length / 2)) {
      const [x, y] = pane.toScreen(pane.placeOf(i));
      if (x < 0 || y < 0 || x > width || y > height) continue;
      this.seen++;
      inView.push([i, x, y]);
    }
    if (!this.on) return;
    this.side = Math.max(28, Math.min(56, 0.9 * Math.sqrt((width * height) / Math.max(this.seen, 1))));
    const cells = new Map(), cell = (v) => Math.floor(v / this.side);
    const free = (x, y) => {
      for (let r = cell(y) - 1; r <= cell(y) + 1; r++)
        for (let c = cell(x) - 1; c <= cell(x) + 1; c++) {
          const there = cells.get(r * 4096 + c);
          if (there && Math.abs(there[0] - x) < this.side && Math.abs(there[1] - y) < this.side) return false;
        }
      return true;
    };
    const order = lit ? [...inView.filter(([i]) => lit[i]), ...inView.filter(([i]) => !lit[i])] : inView;
    for (const [i, x, y] of order) {
      if (this.chosen.length >= MOST_SPRITES) break;
      if (!free(x, y)) continue;
      cells.set(cell(y) * 4096 + cell(x), [x, y]);
      this.chosen.push(i);
    }
  }

  numberOf(i) { return this.pane.part?.numbers?.[i] ?? i; }

  // One question for all images that are missing, when the view has come to rest; earlier ones are kept.
  async fetch() {
    if (this.asked) return;
    this.asked = true;
    try {
      await this.ask();
    } catch (error) {
      this.pane.atlas.say(error.message);
    } finally {
      this.asked = false;
    }
  }

  async ask() {
    const { pane, pictures } = this, { kind, shape } = pane.atlas.data.sheets;
    const wanted = this.chosen.map((i) => this.numberOf(i)).filter((n) => !pictures.has(n));
    if (!wanted.length) return;
    const bytes = await ask("sheet", `${pane.map.query}&kind=${kind}`, { method: "POST", body: Uint32Array.from(wanted) });
    const picture = await createImageBitmap(new Blob([bytes], { type: "image/png" })), [, height, width] = shape;
    if (pictures.size > 8 * MOST_SPRITES) pictures.clear();
    wanted.forEach((n, at) => pictures.set(n, [picture, (at % SHEET) * width, Math.floor(at / SHEET) * height]));
    this.paint();
    await this.ask(); // what came into view meanwhile
  }

  paint() {
    const { pane, canvas } = this, { atlas, lit } = pane;
    if (!this.chosen.length && !canvas.width) return;
    if (!this.chosen.length) {
      canvas.width = 0;
      return;
    }
    const context = pane.context(canvas), { colour, sheets } = atlas.data, [, height, width] = sheets.shape;
    const scale = (this.side - 2) / Math.max(width, height), w = width * scale, h = height * scale;
    this.missing = 0;
    context.lineWidth = 1.5;
    for (const i of this.chosen) {
      const found = this.pictures.get(this.numberOf(i));
      if (!found) {
        this.missing++;
        continue;
      }
      const [picture, left, top] = found, [x, y] = pane.toScreen(pane.placeOf(i));
      context.globalAlpha = lit && !lit[i] ? 0.25 : 1;
      context.drawImage(picture, left, top, width, height, x - w / 2, y - h / 2, w, h);
      if (colour.kind !== "class") continue;
      context.strokeStyle = colour.colours[pane.values[i]];
      context.strokeRect(x - w / 2, y - h / 2, w, h);
    }
    context.globalAlpha = 1;
  }
}
