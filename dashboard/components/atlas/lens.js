// Pictures that follow the pointer: what each model draws at that place, and the original where there is one.
class Lens {
  constructor() {
    this.box = make("div", "lens");
    this.head = make("div", "head");
    this.strip = make("div", "pictures");
    this.box.append(this.head, this.strip);
    this.box.setAttribute("aria-live", "off");
    this.slots = {};
    this.hide();
  }

  slot(name, label, accent) {
    if (!this.slots[name]) {
      const figure = make("figure"), canvas = make("canvas"), caption = make("figcaption");
      figure.append(canvas, caption);
      this.slots[name] = { figure, canvas, caption };
      this.strip.append(figure);
    }
    const { figure, canvas, caption } = this.slots[name];
    Object.assign(figure.style, { display: "", order: { 0: 0, A: 1, B: 2 }[name] ?? 1 });
    canvas.style.borderColor = accent;
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", label);
    caption.textContent = label;
    return canvas;
  }

  only(names) {
    for (const [name, { figure }] of Object.entries(this.slots)) figure.style.display = names.includes(name) ? "" : "none";
  }

  // Beside the pointer, on the side where there is room.
  follow(x, y, width, height) {
    if (!this.strip.childElementCount) return; // nothing has come yet
    const { offsetWidth: w, offsetHeight: h } = this.box;
    this.box.style.transform = `translate(${x + 18 + w > width ? x - w - 18 : x + 18}px, ${Math.max(0, Math.min(y - h / 2, height - h))}px)`;
    this.box.style.visibility = "visible";
  }

  hide() { this.box.style.visibility = "hidden"; }
}
