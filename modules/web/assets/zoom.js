// Zooming and panning of one element by wheel, pinch and drag, as numbers: {scale, x, y} in CSS pixels.

const LARGEST = 16;

/** What a viewer shows: `apply(view)` draws it. Everything is relative to the element's top left corner. */
export class View {
  constructor(apply) {
    this.apply = apply;
    this.reset();
  }

  reset() {
    this.scale = 1;
    this.x = 0;
    this.y = 0;
    this.apply(this);
  }

  /** Zooms by `factor` so that the point (x, y) stays where it is. */
  zoom(factor, x, y) {
    const scale = Math.min(LARGEST, Math.max(1, this.scale * factor));
    if (scale === 1) return this.reset();
    const ratio = scale / this.scale;
    this.x = x - (x - this.x) * ratio;
    this.y = y - (y - this.y) * ratio;
    this.scale = scale;
    return this.apply(this);
  }

  pan(dx, dy) {
    this.x += dx;
    this.y += dy;
    this.apply(this);
  }
}

/** The position of a pointer event in `element`. */
export function at(event, element) {
  const box = element.getBoundingClientRect();
  return { x: event.clientX - box.left, y: event.clientY - box.top };
}

export const wheelFactor = (event) => Math.exp(-Math.max(-60, Math.min(60, event.deltaY)) * 0.006);

/**
 * Two fingers on `element` zoom and pan `view`. The functions say what one pointer does: `down(event)`, `move(event)`,
 * `up(event)`; `cancel()` is called when a second finger turns a stroke into a pinch.
 */
export function gestures(element, view, { down, move, up, cancel }) {
  const fingers = new Map();
  let pinch = null;

  element.addEventListener('pointerdown', (event) => {
    try {
      element.setPointerCapture(event.pointerId);
    } catch {
      // A pointer that has just gone needs no capture.
    }
    fingers.set(event.pointerId, at(event, element));
    if (fingers.size === 2) {
      cancel();
      pinch = measure(fingers);
    } else if (fingers.size === 1) {
      down(event);
    }
  });
  element.addEventListener('pointermove', (event) => {
    if (fingers.has(event.pointerId)) fingers.set(event.pointerId, at(event, element));
    if (!pinch || fingers.size !== 2) return move(event, fingers.size === 1);
    const now = measure(fingers);
    view.pan(now.x - pinch.x, now.y - pinch.y);
    view.zoom(now.apart / pinch.apart, now.x, now.y);
    pinch = now;
    return undefined;
  });
  const end = (event) => {
    if (!fingers.delete(event.pointerId)) return;
    if (!pinch) up(event);
    if (fingers.size === 0) pinch = null;
  };
  element.addEventListener('pointerup', end);
  element.addEventListener('pointercancel', end);
}

function measure(fingers) {
  const [one, other] = [...fingers.values()];
  return {
    x: (one.x + other.x) / 2,
    y: (one.y + other.y) / 2,
    apart: Math.max(1, Math.hypot(one.x - other.x, one.y - other.y)),
  };
}
