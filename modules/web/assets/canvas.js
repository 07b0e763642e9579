// The picture of inpaint with its mask: brush, eraser, undo, zoom. Its value is {id, width, height, mask}: two uploads.

import { upload, uploadAddress } from './api.js';
import { registerPicture } from './bridge.js';
import { debounce, fill, h, icon } from './dom.js';
import { boardTools, shortcuts } from './canvas_tools.js';
import { acceptPictures } from './intake.js';
import { Mask } from './mask.js';
import { orToast, toast } from './toast.js';
import { View, at, gestures, wheelFactor } from './zoom.js';

const SEND_AFTER = 500;

export function mount(element, { tab, props }) {
  const brush = { share: 0.1, erase: false, opacity: 0.7 };
  let value = null;
  let mask = null;
  let fit = 1; // CSS pixels for one pixel of the picture, before zooming
  let dirty = false;
  let sending = Promise.resolve();
  let panning = false;
  let from = null;

  const picture = h('img', { alt: 'The picture to inpaint', draggable: 'false', onload: place, onerror: gone });
  const board = h('div', { class: 'aq-board' }, picture);
  const ring = h('div', { class: 'aq-ring', hidden: true });
  const frame = h('div', { class: 'aq-frame aq-paint', tabIndex: 0, role: 'application', 'aria-label': 'Mask: paint over what should change' }, board, ring);
  const invitation = h(
    'button',
    { type: 'button', class: 'aq-invitation', onclick: () => choose() },
    icon('brush'),
    h('span', {}, 'Drop a picture here, paste one, or click to choose'),
    h('span', { class: 'aq-soft' }, 'Then paint over what should change'),
  );
  const view = new View(({ scale, x, y }) => {
    board.style.transform = `translate(${x}px, ${y}px) scale(${scale})`;
  });
  const commands = { undo, redo, clear, fit: () => view.reset(), zoom, size, grow: (factor) => size(brush.share * factor), erase, replace: () => choose(), remove: () => set(null), opacity, pan };
  const tools = boardTools(brush, commands);
  const zone = h('div', { class: 'aq-intake aq-intake-paint', tabIndex: -1 }, invitation, frame, tools.element);
  const choose = acceptPictures(zone, take);
  fill(element, zone);
  registerPicture(tab, settle);
  shortcuts(zone, commands);
  new ResizeObserver(place).observe(frame);
  paint();
  show(props.value);

  // The value

  function take(file) {
    zone.classList.add('aq-sending');
    sending = orToast(async () => set({ ...(await upload(file)), mask: null })).finally(() => zone.classList.remove('aq-sending'));
  }

  function set(next) {
    show(next);
    publish(next);
  }

  function publish(next) {
    value = next;
    props.value = next;
  }

  /** Shows a value that came from elsewhere: a saved form, or a picture sent here. */
  function show(next) {
    const same = next && value && next.id === value.id && (next.mask ?? null) === (value.mask ?? null);
    value = next || null;
    zone.classList.toggle('aq-has-picture', Boolean(value));
    if (same) return;
    mask?.layer.remove();
    mask = null;
    dirty = false;
    if (!value) return picture.removeAttribute('src');
    mask = new Mask(value.width, value.height);
    mask.layer.style.opacity = brush.opacity;
    board.append(mask.layer);
    picture.src = uploadAddress(value.id);
    view.reset();
    if (value.mask) mask.load(uploadAddress(value.mask)).catch(() => toast('The mask of this form is not kept any more.'));
    return refresh();
  }

  function gone() {
    if (!value) return;
    toast('The picture of this form is not kept any more; choose it again.');
    set(null);
  }

  const sendSoon = debounce(send, SEND_AFTER);

  function touched() {
    dirty = true;
    refresh();
    sendSoon();
  }

  function send() {
    if (!dirty || !mask) return sending;
    dirty = false;
    const painted = mask;
    sending = sending.then(() =>
      orToast(async () => {
        const png = await painted.png();
        const sent = png ? await upload(png) : null;
        if (mask === painted) publish({ ...value, mask: sent?.id ?? null });
      }),
    );
    return sending;
  }

  /** The value once everything painted has arrived at the server. */
  async function settle() {
    sendSoon.cancel();
    if (mask?.end()) dirty = true;
    await send();
    return value;
  }

  // Painting

  function paint() {
    gestures(frame, view, {
      down(event) {
        frame.focus({ preventScroll: true });
        if (!mask) return;
        from = { x: event.clientX, y: event.clientY };
        if (!panning && event.button === 0) mask.begin(point(event), width(), brush.erase || event.buttons === 32);
      },
      move(event, one) {
        follow(event);
        if (!from || !one) return;
        if (mask?.stroke) for (const each of event.getCoalescedEvents?.() ?? [event]) mask.extend(point(each));
        else view.pan(event.clientX - from.x, event.clientY - from.y);
        from = { x: event.clientX, y: event.clientY };
      },
      up() {
        from = null;
        if (mask?.end()) touched();
      },
      cancel() {
        from = null;
        mask?.cancel();
      },
    });
    frame.addEventListener('pointerleave', () => (ring.hidden = true));
    frame.addEventListener('contextmenu', (event) => event.preventDefault());
    frame.addEventListener(
      'wheel',
      (event) => {
        // The page scrolls over a canvas that nobody works on.
        if (!event.ctrlKey && !zone.contains(document.activeElement)) return;
        event.preventDefault();
        const { x, y } = at(event, frame);
        view.zoom(wheelFactor(event), x, y);
      },
      { passive: false },
    );
  }

  /** A pointer's place in pixels of the picture. */
  function point(event) {
    const { x, y } = at(event, frame);
    return {
      x: ((x - view.x) / view.scale - board.offsetLeft) / fit,
      y: ((y - view.y) / view.scale - board.offsetTop) / fit,
    };
  }

  /** The brush's width in pixels of the picture. */
  const width = () => Math.max(1, brush.share * Math.max(value.width, value.height));

  function follow(event) {
    ring.hidden = !mask || panning || event.pointerType === 'touch';
    if (ring.hidden) return;
    const { x, y } = at(event, frame);
    const side = width() * fit * view.scale;
    ring.style.cssText = `width:${side}px;height:${side}px;transform:translate(${x - side / 2}px,${y - side / 2}px)`;
  }

  /** Fits the picture into the frame. */
  function place() {
    if (!value || !frame.clientWidth) return;
    fit = Math.min(frame.clientWidth / value.width, frame.clientHeight / value.height);
    const [w, h_] = [value.width * fit, value.height * fit];
    board.style.width = `${w}px`;
    board.style.height = `${h_}px`;
    board.style.left = `${(frame.clientWidth - w) / 2}px`;
    board.style.top = `${(frame.clientHeight - h_) / 2}px`;
  }

  // What the tools do

  function undo() {
    if (mask?.undo()) touched();
  }

  function redo() {
    if (mask?.redo()) touched();
  }

  function clear() {
    if (!mask) return;
    mask.clear();
    touched();
  }

  function zoom(factor) {
    view.zoom(factor, frame.clientWidth / 2, frame.clientHeight / 2);
  }

  function size(share) {
    brush.share = Math.min(0.5, Math.max(0.005, share));
    ring.hidden = true;
    refresh();
  }

  function erase(on) {
    brush.erase = on;
    refresh();
  }

  function opacity(amount) {
    brush.opacity = amount;
    if (mask) mask.layer.style.opacity = amount;
  }

  function pan(on) {
    panning = on;
    frame.classList.toggle('aq-panning', on);
  }

  function refresh() {
    tools.show({ ...brush, undo: Boolean(mask?.strokes.length), redo: Boolean(mask?.undone.length), picture: value });
  }

  return { update: show };
}
