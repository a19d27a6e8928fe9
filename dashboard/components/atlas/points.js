// Points on the graphics card: one draw call a map, whatever their number.  Positions go there once; colours, what is
// lit and the way from one map to another are attributes and uniforms that change by themselves.
const VERTEX = `#version 300 es
in vec2 place, other;
in float value, lit;
uniform vec2 scale, shift;
uniform float blend, size, low, high, steps;
uniform bool dimmed;
out float shade;
out float alpha;
void main() {
  gl_Position = vec4(mix(place, other, blend) * scale + shift, 0.0, 1.0);
  gl_PointSize = size * (dimmed && lit > 0.5 ? 1.35 : 1.0);
  // A class is a whole number and takes the middle of its step; a value is spread over the whole scale.
  shade = steps > 0.0 ? (value + 0.5) / steps : clamp((value - low) / max(high - low, 1e-12), 0.002, 0.998);
  alpha = isnan(value) ? 0.0 : dimmed && lit < 0.5 ? 0.1 : 1.0;
}`;
const FRAGMENT = `#version 300 es
precision highp float;
in float shade;
in float alpha;
uniform sampler2D palette;
uniform float opacity;
out vec4 colour;
void main() {
  float edge = length(gl_PointCoord - 0.5) * 2.0;
  float cover = (1.0 - smoothstep(0.8, 1.0, edge)) * alpha * opacity;
  if (cover < 0.004) discard;
  colour = vec4(texture(palette, vec2(shade, 0.5)).rgb * cover, cover);
}`;
const ATTRIBUTES = { place: 2, other: 2, value: 1, lit: 1 };

class Points {
  // Throws where the browser has no WebGL 2.
  constructor(canvas) {
    const gl = canvas.getContext("webgl2", { antialias: false, premultipliedAlpha: true, preserveDrawingBuffer: true });
    if (!gl) throw new Error("This browser draws no WebGL 2, which the map needs.");
    this.gl = gl;
    const program = gl.createProgram();
    for (const [kind, source] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]]) {
      const shader = gl.createShader(kind);
      gl.shaderSource(shader, source);
      gl.compileShader(shader);
      gl.attachShader(program, shader);
    }
    gl.linkProgram(program);
    if (!gl.getProgramParameter(program, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(program));
    gl.useProgram(program);
    this.uniform = (name) => gl.getUniformLocation(program, name);
    this.buffers = {};
    for (const [name, width] of Object.entries(ATTRIBUTES)) {
      const at = gl.getAttribLocation(program, name);
      this.buffers[name] = gl.createBuffer();
      gl.bindBuffer(gl.ARRAY_BUFFER, this.buffers[name]);
      gl.enableVertexAttribArray(at);
      gl.vertexAttribPointer(at, width, gl.FLOAT, false, 0, 0);
    }
    this.order = gl.createBuffer();
    gl.bindTexture(gl.TEXTURE_2D, gl.createTexture());
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    this.count = 0;
  }

  put(name, array) {
    const { gl } = this;
    gl.bindBuffer(gl.ARRAY_BUFFER, this.buffers[name]);
    gl.bufferData(gl.ARRAY_BUFFER, array, gl.STATIC_DRAW);
    if (name === "place") this.count = array.length / 2;
  }

  // What is lit lies on top; within that a fixed random order, or the last class would cover the others.
  light(lit) {
    const { gl, count } = this;
    const mixed = shuffled(count);
    const order = lit ? [...mixed.filter((i) => !lit[i]), ...mixed.filter((i) => lit[i])] : mixed;
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, this.order);
    gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, Uint32Array.from(order), gl.STATIC_DRAW);
    this.put("lit", lit ? Float32Array.from(lit) : new Float32Array(count));
    this.dimmed = Boolean(lit);
  }

  palette(colours, smooth) {
    const { gl } = this;
    const pixels = Uint8Array.from(colours.flatMap((c) => [...c, 255]));
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, colours.length, 1, 0, gl.RGBA, gl.UNSIGNED_BYTE, pixels);
    const filter = smooth ? gl.LINEAR : gl.NEAREST;
    for (const [key, value] of [
      [gl.TEXTURE_MIN_FILTER, filter], [gl.TEXTURE_MAG_FILTER, filter],
      [gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE], [gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE],
    ]) gl.texParameteri(gl.TEXTURE_2D, key, value);
  }

  draw({ camera, width, height, ratio, size, opacity, blend, low, high, steps }) {
    const { gl, uniform } = this;
    const canvas = gl.canvas;
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio))
      Object.assign(canvas, { width: Math.round(width * ratio), height: Math.round(height * ratio) });
    gl.viewport(0, 0, canvas.width, canvas.height);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT);
    if (!this.count || !opacity) return;
    const sx = (2 * camera.zoom) / width, sy = (2 * camera.zoom) / height;
    gl.uniform2f(uniform("scale"), sx, sy);
    gl.uniform2f(uniform("shift"), -camera.x * sx, -camera.y * sy);
    for (const [name, value] of Object.entries({ blend, size: size * ratio, low, high, steps, opacity }))
      gl.uniform1f(uniform(name), value);
    gl.uniform1i(uniform("dimmed"), this.dimmed ? 1 : 0);
    gl.drawElements(gl.POINTS, this.count, gl.UNSIGNED_INT, 0);
  }

  // A page has few contexts to give away.
  free() { this.gl.getExtension("WEBGL_lose_context")?.loseContext(); }
}

const orders = new Map();
function shuffled(count) {
  if (!orders.has(count)) {
    const order = Uint32Array.from({ length: count }, (_, i) => i);
    let seed = 1;
    for (let i = count - 1; i > 0; i--) {
      seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
      const j = seed % (i + 1);
      [order[i], order[j]] = [order[j], order[i]];
    }
    orders.set(count, order);
  }
  return orders.get(count);
}
