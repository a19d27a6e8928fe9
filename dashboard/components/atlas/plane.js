// The plane of a map: where the camera stands, which point is nearest, which lie within a polygon.
class Camera {
  constructor() { Object.assign(this, { x: 0, y: 0, zoom: 1, touched: false }); }

  // All points in view, with a little room round them.
  fit(bounds, width, height) {
    const [left, bottom, right, top] = bounds;
    this.x = (left + right) / 2;
    this.y = (bottom + top) / 2;
    const room = 0.92;
    this.zoom = room * Math.min(width / Math.max(right - left, 1e-9), height / Math.max(top - bottom, 1e-9));
    this.touched = false;
  }

  toScreen([x, y], width, height) {
    return [width / 2 + (x - this.x) * this.zoom, height / 2 - (y - this.y) * this.zoom];
  }

  toPlane([px, py], width, height) {
    return [this.x + (px - width / 2) / this.zoom, this.y - (py - height / 2) / this.zoom];
  }

  // The place under the pointer stays under it.
  zoomAt(pixel, factor, width, height) {
    const [x, y] = this.toPlane(pixel, width, height);
    this.zoom *= factor;
    const [nx, ny] = this.toPlane(pixel, width, height);
    this.x += x - nx;
    this.y += y - ny;
    this.touched = true;
  }
}

// Points by cells of a regular grid, so that the nearest one is found among a handful.
class Index {
  constructor(points, bounds) {
    this.points = points;
    const count = points.length / 2;
    const [left, bottom, right, top] = bounds;
    this.side = Math.max(1, Math.min(1024, Math.round(Math.sqrt(count))));
    this.origin = [left, bottom];
    this.step = [Math.max(right - left, 1e-9) / this.side, Math.max(top - bottom, 1e-9) / this.side];
    this.starts = new Uint32Array(this.side * this.side + 1);
    const cells = new Uint32Array(count);
    for (let i = 0; i < count; i++) {
      cells[i] = this.cell(points[2 * i], 0) + this.side * this.cell(points[2 * i + 1], 1);
      this.starts[cells[i] + 1]++;
    }
    for (let c = 0; c < this.side * this.side; c++) this.starts[c + 1] += this.starts[c];
    const next = this.starts.slice();
    this.rows = new Uint32Array(count);
    for (let i = 0; i < count; i++) this.rows[next[cells[i]]++] = i;
  }

  cell(value, axis) {
    return Math.max(0, Math.min(this.side - 1, Math.floor((value - this.origin[axis]) / this.step[axis])));
  }

  *within(left, bottom, right, top) {
    const [c0, c1, r0, r1] = [this.cell(left, 0), this.cell(right, 0), this.cell(bottom, 1), this.cell(top, 1)];
    for (let r = r0; r <= r1; r++)
      for (let at = this.starts[c0 + this.side * r]; at < this.starts[c1 + 1 + this.side * r]; at++) {
        const i = this.rows[at], x = this.points[2 * i], y = this.points[2 * i + 1];
        if (x >= left && x <= right && y >= bottom && y <= top) yield i;
      }
  }

  // The point nearest to a place, no farther than `reach`; -1 where there is none.
  nearest([x, y], reach) {
    let best = -1, least = reach * reach;
    for (const i of this.within(x - reach, y - reach, x + reach, y + reach)) {
      const d = (this.points[2 * i] - x) ** 2 + (this.points[2 * i + 1] - y) ** 2;
      if (d <= least) [best, least] = [i, d];
    }
    return best;
  }
}

// Even-odd rule, as the server's.
function inside(polygon, x, y) {
  let odd = false;
  for (let i = 0, j = polygon.length - 1; i < polygon.length; j = i++) {
    const [xi, yi] = polygon[i], [xj, yj] = polygon[j];
    if (yi > y !== yj > y && x < ((xj - xi) * (y - yi)) / (yj - yi) + xi) odd = !odd;
  }
  return odd;
}
