// A mask as strokes over a picture: painted, erased, undone, and turned into the PNG that the server wants.

const TINT = '#0f9f93';
const LIGHT = '#d8fff9';
const STRIPE = 24;
const DRAWN_SIDE = 1024;

/** Strokes are kept as points in pixels of the picture, so that undo is exact and any size can be drawn from them. */
export class Mask {
  /** `width` and `height` are the picture's. `layer` is the canvas that shows the mask, drawn finer for small pictures. */
  constructor(width, height) {
    this.width = width;
    this.height = height;
    this.fineness = Math.max(1, Math.round(DRAWN_SIDE / Math.max(width, height)));
    this.layer = canvas(width * this.fineness, height * this.fineness);
    this.paint = hatching(this.layer.getContext('2d'));
    this.base = null;
    this.strokes = [];
    this.undone = [];
  }

  /** Starts with a mask that was painted earlier: white means masked. */
  async load(address) {
    const image = new Image();
    image.src = address;
    await image.decode();
    const base = canvas(this.width, this.height);
    const context = base.getContext('2d');
    context.drawImage(image, 0, 0, this.width, this.height);
    const pixels = context.getImageData(0, 0, this.width, this.height);
    for (let i = 0; i < pixels.data.length; i += 4) pixels.data[i + 3] = pixels.data[i];
    context.putImageData(pixels, 0, 0);
    this.base = base;
    this.redraw();
  }

  begin(point, size, erase) {
    this.stroke = { points: [point], size, erase };
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
    const context = this.layer.getContext('2d');
    context.globalCompositeOperation = 'source-over';
    context.clearRect(0, 0, this.layer.width, this.layer.height);
    if (this.base) {
      context.drawImage(this.base, 0, 0, this.layer.width, this.layer.height);
      context.globalCompositeOperation = 'source-in';
      context.fillStyle = this.paint;
      context.fillRect(0, 0, this.layer.width, this.layer.height);
    }
    for (const stroke of this.strokes) {
      if (stroke.clear) context.clearRect(0, 0, this.layer.width, this.layer.height);
      else for (let i = 0; i < stroke.points.length; i += 1) this.segment(stroke, i);
    }
  }

  /** Draws the piece of a stroke that ends in its point number `index`. */
  segment(stroke, index) {
    const context = this.layer.getContext('2d');
    const from = stroke.points[Math.max(0, index - 1)];
    const to = stroke.points[index];
    context.globalCompositeOperation = stroke.erase ? 'destination-out' : 'source-over';
    context.strokeStyle = this.paint;
    context.lineWidth = stroke.size * this.fineness;
    context.lineCap = 'round';
    context.lineJoin = 'round';
    context.beginPath();
    context.moveTo(from.x * this.fineness, from.y * this.fineness);
    context.lineTo(to.x * this.fineness + 0.01, to.y * this.fineness);
    context.stroke();
  }

  /** The mask as a PNG of the picture's size, white where masked on black; null when nothing is masked. */
  async png() {
    const flat = canvas(this.width, this.height);
    const context = flat.getContext('2d', { willReadFrequently: true });
    context.imageSmoothingQuality = 'high';
    context.drawImage(this.layer, 0, 0, this.width, this.height);
    const pixels = context.getImageData(0, 0, this.width, this.height).data;
    if (!pixels.some((value, i) => i % 4 === 3 && value > 127)) return null;
    context.globalCompositeOperation = 'source-in';
    context.fillStyle = '#fff';
    context.fillRect(0, 0, this.width, this.height);
    context.globalCompositeOperation = 'destination-over';
    context.fillStyle = '#000';
    context.fillRect(0, 0, this.width, this.height);
    return new Promise((resolve) => flat.toBlob(resolve, 'image/png'));
  }
}

function canvas(width, height) {
  const made = document.createElement('canvas');
  made.width = width;
  made.height = height;
  return made;
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
