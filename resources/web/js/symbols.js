// @ts-check
/** Draw report symbols and crews from the shared paths, and keep them in an atlas of ready pictures. */

/**
 * @typedef {import("./config.js").Colors} Colors
 * @typedef {CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D} Context
 */

/** @typedef {"p1" | "p2" | "p3" | "p4"} Shape */

/** @type {Shape[]} by priority, from 1 */
const SHAPES = ["p1", "p2", "p3", "p4"];
/** @type {Record<Shape, import("./config.js").Colour>} */
const MARKS = { p1: "priority.p1", p2: "priority.p2-mark", p3: "priority.p3", p4: "priority.p4" };
const GRID = 24, MARGIN = 3;

export class Symbols {
  /**
   * @param {any} spec symbols.json
   * @param {Colors} colors
   */
  constructor(spec, colors) {
    this._spec = spec;
    this._colors = colors;
    this._ratio = window.devicePixelRatio || 1;
    /** @type {Map<string, HTMLCanvasElement>} */
    this._atlas = new Map();
    const shape = (/** @type {Shape} */ name) => new Path2D(spec.shape[name]);
    /** @type {Record<Shape, Path2D>} */
    this._shape = { p1: shape("p1"), p2: shape("p2"), p3: shape("p3"), p4: shape("p4") };
    this._capsule = new Path2D(spec.unit_capsule);
  }

  /** How many statuses have a fill. */
  get statusCount() {
    return this._spec.status.length;
  }

  /**
   * One report at x, y (its middle).
   * @param {CanvasRenderingContext2D} to @param {number} x @param {number} y @param {number} px
   * @param {number} priority 1 to 4 @param {number} status @param {boolean} halo
   */
  report(to, x, y, px, priority, status, halo) {
    const side = (px * (GRID + 2 * MARGIN)) / GRID;
    const key = `r${priority}.${status}.${px}.${halo}`;
    const picture = this._picture(key, side, side, (context) => {
      context.scale(px / GRID, px / GRID);
      context.translate(MARGIN, MARGIN);
      this._report(context, SHAPES[Math.max(1, priority) - 1] ?? "p4", status, halo);
    });
    this._put(to, picture, x, y, side, side);
  }

  /**
   * One crew's capsule at x, y (its middle).
   * @param {CanvasRenderingContext2D} to @param {number} x @param {number} y @param {number} px height
   * @param {string} state a key of unit_states @param {boolean} halo
   */
  unit(to, x, y, px, state, halo) {
    const width = (px * 34) / 16, height = (px * 22) / 16;
    const picture = this._picture(`u${state}.${px}.${halo}`, width, height, (context) => {
      context.scale(px / 16, px / 16);
      context.translate(3, 3);
      this._unit(context, state, halo);
    });
    this._put(to, picture, x, y, width, height);
  }

  /**
   * @param {CanvasRenderingContext2D} to @param {HTMLCanvasElement} picture
   * @param {number} x @param {number} y @param {number} width @param {number} height
   */
  _put(to, picture, x, y, width, height) {
    const left = Math.round((x - width / 2) * this._ratio) / this._ratio;
    const top = Math.round((y - height / 2) * this._ratio) / this._ratio;
    to.drawImage(picture, left, top, picture.width / this._ratio, picture.height / this._ratio);
  }

  /**
   * @param {string} key @param {number} width @param {number} height @param {(context: CanvasRenderingContext2D) => void} draw
   */
  _picture(key, width, height, draw) {
    const kept = this._atlas.get(key);
    if (kept) return kept;
    const canvas = document.createElement("canvas");
    canvas.width = Math.ceil(width * this._ratio);
    canvas.height = Math.ceil(height * this._ratio);
    const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    context.scale(this._ratio, this._ratio);
    draw(context);
    this._atlas.set(key, canvas);
    return canvas;
  }

  /**
   * @param {Context} context @param {Shape} name of the priority @param {number} status @param {boolean} halo
   */
  _report(context, name, status, halo) {
    const spec = this._spec, path = this._shape[name];
    const colour = this._colors[MARKS[name]], mute = this._colors["text.tertiary"];
    const back = halo ? this._colors["map.halo"] : this._colors["surface.panel"];
    const [cx, cy] = spec.centre[name], outline = spec.draw.outline_width;
    context.lineJoin = "round";
    if (halo) stroke(context, path, back, spec.draw.halo_width);
    const fill = () => {
      context.fillStyle = colour;
      context.fill(path);
      stroke(context, path, colour, 1.6);
    };
    const frame = (/** @type {string} */ edge, /** @type {number} */ width) => {
      context.fillStyle = back;
      context.fill(path);
      stroke(context, path, edge, width);
    };
    const inside = (/** @type {() => void} */ draw) => {
      context.save();
      context.clip(path);
      draw();
      context.restore();
    };
    const dot = (/** @type {number} */ radius, /** @type {string} */ with_) => {
      context.beginPath();
      context.arc(cx, cy, radius, 0, 2 * Math.PI);
      context.fillStyle = with_;
      context.fill();
    };
    switch (spec.status[status]?.key) {
      case "coordination":
        frame(colour, outline);
        inside(() => rect(context, colour, 0, 0, 12, 24));
        stroke(context, path, colour, outline);
        break;
      case "assigned":
        frame(colour, outline);
        dot(name === "p1" ? 3.7 : 4.2, colour);
        break;
      case "progress":
        frame(colour, outline);
        inside(() => rect(context, colour, 0, spec.half_y[name], 24, 24));
        stroke(context, path, colour, outline);
        break;
      case "validation":
        fill();
        dot(spec.hole_r[name], back);
        break;
      case "returned":
        fill();
        inside(() => line(context, back, 4.6, [[-1, 2 * cy + 1], [25, cy - 13]]));
        stroke(context, path, colour, outline);
        break;
      case "resolved":
        frame(mute, spec.draw.closed_width);
        line(context, mute, 3, [[cx - 5.4, cy - 0.4], [cx - 1.6, cy + 4], [cx + 5.8, cy - 4.4]]);
        break;
      case "closed":
        frame(mute, spec.draw.closed_width);
        line(context, mute, 2.8, [[cx - 4.6, cy - 4.6], [cx + 4.6, cy + 4.6]]);
        line(context, mute, 2.8, [[cx + 4.6, cy - 4.6], [cx - 4.6, cy + 4.6]]);
        break;
      default:
        fill();
    }
  }

  /** @param {Context} context @param {string} state @param {boolean} halo */
  _unit(context, state, halo) {
    const blue = this._colors["map.unit"], mute = this._colors["text.tertiary"], path = this._capsule;
    const back = halo ? this._colors["map.halo"] : this._colors["surface.panel"];
    if (halo) stroke(context, path, back, 4.5);
    const base = (/** @type {string} */ colour, /** @type {number} */ width, /** @type {string} */ inner) => {
      context.fillStyle = inner;
      context.fill(path);
      stroke(context, path, colour, width);
    };
    switch (state) {
      case "free":
        base(blue, 2, back);
        break;
      case "assigned":
        base(blue, 2, back);
        context.beginPath();
        context.arc(14, 8, 3, 0, 2 * Math.PI);
        context.fillStyle = blue;
        context.fill();
        break;
      case "enroute":
        base(blue, 2, back);
        line(context, blue, 2.2, [[9, 4.2], [13, 8], [9, 11.8]]);
        line(context, blue, 2.2, [[15, 4.2], [19, 8], [15, 11.8]]);
        break;
      case "onscene":
        base(blue, 2, blue);
        break;
      case "break":
        base(mute, 2, back);
        line(context, mute, 2.2, [[11.5, 5], [11.5, 11]]);
        line(context, mute, 2.2, [[16.5, 5], [16.5, 11]]);
        break;
      case "shift":
        base(mute, 1.3, back);
        break;
      case "off":
        base(mute, 2, back);
        line(context, mute, 2, [[8, 12], [20, 4]]);
        break;
      default:
        context.setLineDash([3.2, 2.4]);
        base(mute, 1.8, back);
        context.setLineDash([]);
        context.lineWidth = 1.9;
        context.strokeStyle = mute;
        context.stroke(new Path2D("M11.6 6.4 C11.6 3.6 16.4 3.6 16.4 6.4 C16.4 8.2 14 8 14 9.4 M14 11 L14 12.4"));
    }
  }
}

/** @param {Context} context @param {Path2D} path @param {string} colour @param {number} width */
function stroke(context, path, colour, width) {
  context.strokeStyle = colour;
  context.lineWidth = width;
  context.stroke(path);
}

/** @param {Context} context @param {string} colour @param {number} x @param {number} y @param {number} width @param {number} height */
function rect(context, colour, x, y, width, height) {
  context.fillStyle = colour;
  context.fillRect(x, y, width, height);
}

/** @param {Context} context @param {string} colour @param {number} width @param {[number, number][]} points */
function line(context, colour, width, points) {
  context.beginPath();
  points.forEach(([x, y], index) => (index ? context.lineTo(x, y) : context.moveTo(x, y)));
  context.strokeStyle = colour;
  context.lineWidth = width;
  context.stroke();
}
