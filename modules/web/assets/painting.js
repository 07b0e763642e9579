// What is painted over a picture: a mask and colours, as strokes that can be undone, and the PNGs that the server wants.

const TINT = '#0f9f93';
const LIGHT = '#d8fff9';
const STRIPE = 24;
const DRAWN_SIDE = 1024;
const OPAQUE = 255;

/**
 * Strokes are kept as points in pixels of the picture. Each is `on` a layer: "mask", which is drawn finer for small
 * pictures, or "colour", which has the picture's own pixels, so that what is seen is what is sent.
 */
export class Painting {
  constructor(width, height) {
    this.width = width;
    this.height = height;
    const fineness = Math.max(1, Math.round(DRAWN_SIDE / Math.max(width, height)));
    this.layers = { colour: layer(width, height, 1), mask: layer(width, height, fineness) };
    this.layers.mask.paint = hatching(this.layers.mask.context);
    this.strokes = [];
    this.undone = [];
  }

  /** Starts with a layer that was painted earlier: `picture` is canvas or image, for the mask with alpha as the mask. */
  start(on, picture) {
    this.layers[on].base = picture;
    this.redraw();
  }

  /** Puts a mask in the place of the mask; it can be undone. */
  replaceMask(picture) {
    this.add({ on: 'mask', picture });
    this.redraw();
  }

  begin(point, { on, size, erase, colour }) {
    this.stroke = { on, size, erase, colour, points: [point] };
    this.segment(this.stroke, 0);
  }

  extend(point) {
    if (!this.stroke) return;
    this.stroke.points.push(point);
    this.segment(this.stroke, this.stroke.points.length - 1);
  }

  /** Keeps the stroke; true if there was one. */
  end() {
    if (!this.stroke) return false;
    this.add(this.stroke);
    this.stroke = null;
    return true;
  }

  /** Forgets the stroke that is being drawn (a second finger has come down). */
  cancel() {
    this.stroke = null;
    this.redraw();
  }

  clear() {
    this.add({ clear: true });
    this.redraw();
  }

  add(stroke) {
    this.strokes.push(stroke);
    this.undone = [];
  }

  undo() {
    return this.shift(this.strokes, this.undone);
  }

  redo() {
    return this.shift(this.undone, this.strokes);
  }

  shift(from, to) {
    if (!from.length) return false;
    to.push(from.pop());
    this.redraw();
    return true;
  }

  redraw() {
    for (const each of Object.values(this.layers)) {
      wipe(each);
      if (each.base) lay(each, each.base);
    }
    for (const stroke of this.strokes) {
      if (stroke.clear) Object.values(this.layers).forEach(wipe);
      else if (stroke.picture) {
        wipe(this.layers[stroke.on]);
        lay(this.layers[stroke.on], stroke.picture);
      } else stroke.points.forEach((_, index) => this.segment(stroke, index));
    }
  }

  /** Draws the piece of a stroke that ends in its point number `index`. */
  segment(stroke, index) {
    const { context, fineness, paint } = this.layers[stroke.on];
    const from = stroke.points[Math.max(0, index - 1)];
    const to = stroke.points[index];
    context.globalCompositeOperation = stroke.erase ? 'destination-out' : 'source-over';
    context.strokeStyle = paint ?? stroke.colour;
    context.lineWidth = stroke.size * fineness;
    context.lineCap = 'round';
    context.lineJoin = 'round';
    context.beginPath();
    context.moveTo(from.x * fineness, from.y * fineness);
    context.lineTo(to.x * fineness + 0.01, to.y * fineness);
    context.stroke();
  }

  /** The colours alone as a PNG, clear where there are none; null when nothing is coloured. */
  async colours() {
    const pixels = this.pixels('colour');
    return pixels.some((value, i) => i % 4 === 3 && value > 0) ? png(this.layers.colour.canvas) : null;
  }

  /** The picture with the colours on it, as strong as `share` says, as a PNG of the picture's own size. */
  flat(picture, share = 1) {
    const made = canvas(this.width, this.height);
    const context = made.getContext('2d');
    context.drawImage(picture, 0, 0, this.width, this.height);
    context.globalAlpha = share;
    context.drawImage(this.layers.colour.canvas, 0, 0);
    return png(made);
  }

  /**
   * The mask as a PNG of the picture's size, white where masked on black; null when nothing is masked. What is coloured
   * is masked too, unless `alone`.
   */
  async mask({ alone = false } = {}) {
    const made = canvas(this.width, this.height);
    const context = made.getContext('2d', { willReadFrequently: true });
    const painted = this.pixels('mask');
    const coloured = alone ? null : this.pixels('colour');
    const image = context.createImageData(this.width, this.height);
    let some = false;
    for (let i = 0; i < painted.length; i += 4) {
      const value = coloured && coloured[i + 3] > 0 ? OPAQUE : painted[i + 3];
      image.data.fill(value, i, i + 3);
      image.data[i + 3] = OPAQUE;
      some ||= value > 127;
    }
    if (!some) return null;
    context.putImageData(image, 0, 0);
    return png(made);
  }

  /** The pixels of a layer in the picture's size, RGBA. */
  pixels(name) {
    const made = canvas(this.width, this.height);
    const context = made.getContext('2d', { willReadFrequently: true });
    context.imageSmoothingQuality = 'high';
    context.drawImage(this.layers[name].canvas, 0, 0, this.width, this.height);
    return context.getImageData(0, 0, this.width, this.height).data;
  }

  /** The colour, "#rrggbb", that is seen at a point: `picture` and what is drawn on it. */
  colourAt(picture, { x, y }) {
    const one = canvas(1, 1);
    const context = one.getContext('2d');
    const [left, top] = [-Math.floor(x), -Math.floor(y)];
    context.drawImage(picture, left, top, this.width, this.height);
    context.drawImage(this.layers.colour.canvas, left, top);
    const [red, green, blue] = context.getImageData(0, 0, 1, 1).data;
    return `#${[red, green, blue].map((value) => value.toString(16).padStart(2, '0')).join('')}`;
  }
}

/**
 * A picture as a mask of that size, as A1111 reads one: its alpha where it has any (more than half is masked), else its
 * luminance. Gives a canvas whose alpha is the mask.
 */
export function maskOf(picture, width, height) {
  const made = canvas(width, height);
  const context = made.getContext('2d', { willReadFrequently: true });
  context.drawImage(picture, 0, 0, width, height);
  const image = context.getImageData(0, 0, width, height);
  const { data } = image;
  const clear = data.some((value, i) => i % 4 === 3 && value < OPAQUE);
  for (let i = 0; i < data.length; i += 4) {
    if (clear) data[i + 3] = data[i + 3] > 128 ? OPAQUE : 0;
    else data[i + 3] = Math.round(0.299 * data[i] + 0.587 * data[i + 1] + 0.114 * data[i + 2]);
  }
  context.putImageData(image, 0, 0);
  return made;
}

/** The picture behind an address, decoded. */
export async function loaded(address) {
  const image = new Image();
  image.src = address;
  await image.decode();
  return image;
}

/** A sheet of one colour, as a PNG. */
export function sheet(width, height, colour) {
  const made = canvas(width, height);
  const context = made.getContext('2d');
  context.fillStyle = colour;
  context.fillRect(0, 0, width, height);
  return png(made);
}

const png = (made) => new Promise((resolve) => made.toBlob(resolve, 'image/png'));

function canvas(width, height) {
  const made = document.createElement('canvas');
  made.width = width;
  made.height = height;
  return made;
}

function layer(width, height, fineness) {
  const made = canvas(width * fineness, height * fineness);
  return { canvas: made, context: made.getContext('2d'), fineness, paint: null, base: null };
}

function wipe({ canvas: { width, height }, context }) {
  context.globalCompositeOperation = 'source-over';
  context.clearRect(0, 0, width, height);
}

/** Draws a picture over the whole layer; on the mask's, its alpha becomes the hatching. */
function lay({ canvas: { width, height }, context, paint }, picture) {
  context.globalCompositeOperation = 'source-over';
  context.drawImage(picture, 0, 0, width, height);
  if (!paint) return;
  context.globalCompositeOperation = 'source-in';
  context.fillStyle = paint;
  context.fillRect(0, 0, width, height);
}

/** Stripes are seen on every picture; one colour is lost on some. */
function hatching(context) {
  const tile = canvas(STRIPE, STRIPE);
  const brush = tile.getContext('2d');
  brush.fillStyle = TINT;
  brush.fillRect(0, 0, STRIPE, STRIPE);
  brush.strokeStyle = LIGHT;
  brush.lineWidth = STRIPE / 4;
  for (const shift of [-STRIPE, 0, STRIPE]) {
    brush.moveTo(shift - STRIPE, STRIPE * 2);
    brush.lineTo(shift + STRIPE * 2, -STRIPE);
  }
  brush.stroke();
  return context.createPattern(tile, 'repeat');
}
