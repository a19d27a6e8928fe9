// What several components need: the routes of the app's own process, and images on canvases.
const address = (name, query) => new URL(`latentboard/${name}?${query}`, document.baseURI).href;

async function ask(name, query, options) {
  const answer = await fetch(address(name, query), options);
  if (!answer.ok) throw new Error(await answer.text());
  return answer.arrayBuffer();
}

// A JSON head, then the bytes that it describes.
function unframed(buffer) {
  const length = new DataView(buffer).getUint32(0, true);
  const about = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  return [about, buffer, 4 + length];
}

function make(tag, className = "", text = "") {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}

// uint8 (C, H, W) at an offset of a buffer, onto a canvas.
function paint(canvas, buffer, offset, [channels, height, width]) {
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  const context = canvas.getContext("2d"), image = context.createImageData(width, height), area = width * height;
  const bytes = new Uint8Array(buffer, offset, channels * area);
  for (let i = 0; i < area; i++)
    for (let c = 0; c < 4; c++) image.data[4 * i + c] = c === 3 ? 255 : bytes[(channels === 1 ? 0 : c) * area + i];
  context.putImageData(image, 0, 0);
}
