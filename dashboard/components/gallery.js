// Tiles cut from one sheet by CSS, so that a page of images is one picture to load and none to decode.
export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".root");
  root.replaceChildren();
  root.classList.toggle("beside", data.beside);
  for (const strip of data.strips) root.append(drawStrip(strip, data, setTriggerValue));
}

function drawStrip(strip, data, setTriggerValue) {
  const box = document.createElement("div");
  if (strip.label) {
    const label = document.createElement("div");
    label.className = "label";
    if (strip.accent) {
      const dot = document.createElement("span");
      dot.className = "dot";
      dot.style.background = strip.accent;
      label.append(dot);
    }
    label.append(strip.label);
    box.append(label);
  }
  const tiles = document.createElement("div");
  tiles.className = "tiles";
  tiles.style.gridTemplateColumns = data.columns
    ? `repeat(${data.columns}, minmax(0, ${data.size}px))`
    : `repeat(auto-fill, minmax(${data.size}px, 1fr))`;
  const rows = Math.ceil(strip.count / strip.columns);
  for (let i = 0; i < strip.count; i++) {
    const tile = document.createElement(data.clickable ? "button" : "div");
    tile.className = "tile";
    const caption = strip.captions[i] ?? "";
    tile.title = caption;
    if (data.clickable) tile.type = "button";
    else tile.setAttribute("role", "img");
    tile.setAttribute("aria-label", [strip.label, caption].filter(Boolean).join(": ") || "image");
    if (strip.colours[i]) tile.style.borderColor = strip.colours[i];
    tile.style.aspectRatio = `${strip.width} / ${strip.height}`;
    tile.style.backgroundImage = `url("${strip.sheet}")`;
    tile.style.backgroundOrigin = "content-box";
    tile.style.backgroundSize = `${strip.columns * 100}% ${rows * 100}%`;
    const column = i % strip.columns, row = Math.floor(i / strip.columns);
    const at = (n, of) => (of > 1 ? `${(100 * n) / (of - 1)}%` : "0%");
    tile.style.backgroundPosition = `${at(column, strip.columns)} ${at(row, rows)}`;
    if (data.clickable) tile.onclick = () => setTriggerValue("clicked", strip.ids[i]);
    tiles.append(tile);
  }
  box.append(tiles);
  return box;
}
