// The picture of img2img and inpaint, and what is painted on it: colours, and for inpaint a mask.
//
// Its value is {id, width, height} of an upload. With colours on it, `id` is the picture as it is seen, `under` the
// picture below them, `colours` the layer of the colours and `strength` how much they show. `mask` is what may change, and `painted` the part of it
// that was painted as a mask.

import { upload, uploadAddress } from './api.js';
import { registerPicture } from './bridge.js';
import { formSize, invitation } from './canvas_empty.js';
import { boardTools, shortcuts } from './canvas_tools.js';
import { chosen } from './dialog.js';
import { debounce, fill, h } from './dom.js';
import { acceptPictures } from './intake.js';
import { loadMask, saveMask } from './mask_files.js';
import { Painting, loaded, maskOf, sheet } from './painting.js';
import { FIRST } from './palette.js';
import { orToast, toast } from './toast.js';
import { View, at, gestures, wheelFactor } from './zoom.js';

const SEND_AFTER = 500;
const ERASER_OF_A_PEN = 32;

export function mount(element, { tab, masks, props }) {
  const brush = { share: 0.1, erase: false, opacity: 0.7, strength: 1, on: masks ? 'mask' : 'colour', colour: FIRST, drawing: masks };
  let value = null;
  let painting = null;
  let fit = 1; // CSS pixels for one pixel of the picture, before zooming
  let dirty = false;
  let sending = Promise.resolve();
  let panning = false;
  let from = null;

  const picture = h('img', { alt: masks ? 'The picture to inpaint' : 'The picture to start from', draggable: 'false', onload: place, onerror: gone });
  const board = h('div', { class: 'aq-board' }, picture);
  const ring = h('div', { class: 'aq-ring', hidden: true });
  const told = masks ? 'Mask: paint over what should change' : 'Picture: draw on it';
  const frame = h('div', { class: 'aq-frame aq-paint', tabIndex: 0, role: 'application', 'aria-label': told }, board, ring);
  const view = new View(({ scale, x, y }) => {
    board.style.transform = `translate(${x}px, ${y}px) scale(${scale})`;
  });
  const commands = {
    undo, redo, clear, zoom, size, erase, opacity, strength, pan, on, draw, colour,
    fit: () => view.reset(),
    grow: (factor) => size(brush.share * factor),
    replace: () => choose(),
    remove: () => set(null),
    loadMask: () => loadMask(useAsMask),
    saveMask: () => saveMask(painting),
  };
  const tools = boardTools(brush, commands, masks);
  const empty = invitation(() => choose(), { masks, begin: masks ? null : blank });
  const zone = h('div', { class: 'aq-intake aq-intake-paint', tabIndex: -1 }, empty, frame, tools.element);
  const choose = acceptPictures(zone, brought);
  fill(element, zone);
  registerPicture(tab, settle);
  shortcuts(zone, commands, masks);
  new ResizeObserver(place).observe(frame);
  paint();
  draw(brush.drawing);
  show(props.value);

  // The value

  /** A second picture that is dropped on inpaint may be meant as a mask. */
  async function brought(file, how) {
    const asks = masks && value && how !== 'chosen';
    const meant = asks ? await chosen('What is this picture?', { mask: 'The mask', picture: 'Another picture' }) : 'picture';
    if (meant === 'mask') return useAsMask(file);
    return meant === 'picture' ? take(file) : undefined;
  }

  function take(file) {
    zone.classList.add('aq-sending');
    sending = orToast(async () => set(await upload(file))).finally(() => zone.classList.remove('aq-sending'));
    return sending;
  }

  async function blank(paper) {
    await take(await sheet(...formSize(tab), paper));
    if (value) draw(true);
    frame.focus({ preventScroll: true });
  }

  async function useAsMask(file) {
    const address = URL.createObjectURL(file);
    try {
      painting.replaceMask(maskOf(await loaded(address), value.width, value.height));
      on('mask');
      touched();
    } catch {
      toast('That file could not be read as a picture.', 'problem');
    } finally {
      URL.revokeObjectURL(address);
    }
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
    if (painting) for (const { canvas } of Object.values(painting.layers)) canvas.remove();
    painting = null;
    dirty = false;
    if (!masks) draw(false);
    if (!value) return picture.removeAttribute('src');
    painting = new Painting(value.width, value.height);
    painting.layers.colour.canvas.className = 'aq-colours';
    strength(value.strength ?? 1, false);
    painting.layers.mask.canvas.className = 'aq-mask';
    painting.layers.mask.canvas.style.opacity = brush.opacity;
    board.append(painting.layers.colour.canvas);
    if (masks) board.append(painting.layers.mask.canvas);
    picture.src = uploadAddress(value.under ?? value.id);
    view.reset();
    place();
    bringBack(painting, value).catch(() => toast('What was painted in this form is not kept any more.'));
    return refresh();
  }

  async function bringBack(onto, { width, height, mask, painted, colours }) {
    const own = colours ? painted : mask;
    if (colours) onto.start('colour', await loaded(uploadAddress(colours)));
    if (own) onto.start('mask', maskOf(await loaded(uploadAddress(own)), width, height));
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
    if (!dirty || !painting) return sending;
    dirty = false;
    const sent = painting;
    sending = sending.then(() =>
      orToast(async () => {
        const next = await kept(sent);
        if (painting === sent) publish(next);
      }),
    );
    return sending;
  }

  /** The value of what is painted now, all of it on the server. */
  async function kept(sent) {
    const { width, height, under, id: seen } = value;
    const id = under ?? seen;
    const colours = await sent.colours();
    const mask = masks ? await sent.mask() : null;
    const strong = brush.strength; // kept without colours too: the next stroke has it, also after a reload
    const next = { id, width, height, ...(masks && { mask: await idOf(mask) }), ...(strong < 1 && { strength: strong }) };
    if (!colours) return next;
    const painted = masks ? await sent.mask({ alone: true }) : null;
    await picture.decode();
    const flat = await sent.flat(picture, strong);
    return { ...next, id: await idOf(flat), under: id, strength: strong, colours: await idOf(colours), painted: await idOf(painted) };
  }

  const idOf = async (png) => (png ? (await upload(png)).id : null);

  /** The value once everything painted has arrived at the server. */
  async function settle() {
    sendSoon.cancel();
    if (painting?.end()) dirty = true;
    await send();
    return value;
  }

  // Painting

  function paint() {
    gestures(frame, view, {
      down(event) {
        frame.focus({ preventScroll: true });
        if (!painting) return;
        from = { x: event.clientX, y: event.clientY };
        const erases = event.buttons === ERASER_OF_A_PEN;
        if (panning || !brush.drawing || !(event.button === 0 || erases)) return;
        if (event.altKey && brush.on === 'colour') pick(event);
        else painting.begin(point(event), { ...brush, size: width(), erase: brush.erase || erases });
      },
      move(event, one) {
        follow(event);
        if (!from || !one) return;
        if (painting?.stroke) for (const each of event.getCoalescedEvents?.() ?? [event]) painting.extend(point(each));
        else view.pan(event.clientX - from.x, event.clientY - from.y);
        from = { x: event.clientX, y: event.clientY };
      },
      up() {
        from = null;
        if (painting?.end()) touched();
      },
      cancel() {
        from = null;
        painting?.cancel();
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
    ring.hidden = !painting || panning || !brush.drawing || event.pointerType === 'touch';
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
    if (painting?.undo()) touched();
  }

  function redo() {
    if (painting?.redo()) touched();
  }

  function clear() {
    if (!painting) return;
    painting.clear();
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
    draw(true);
  }

  /** What the brush paints: "mask" or "colour". */
  function on(layer) {
    brush.on = layer;
    brush.erase = false;
    refresh();
  }

  function colour(chosen) {
    brush.colour = chosen;
    brush.erase = false;
    refresh();
  }

  function pick(event) {
    from = null;
    colour(painting.colourAt(picture, point(event)));
  }

  /** Begins or ends drawing; in between, a picture of img2img is only looked at. */
  function draw(begin = !brush.drawing) {
    brush.drawing = begin;
    frame.classList.toggle('aq-only-seen', !begin);
    refresh();
  }

  function opacity(amount) {
    brush.opacity = amount;
    if (painting) painting.layers.mask.canvas.style.opacity = amount;
  }

  /** How strong the colours are: A1111's mask transparency, the other way round. */
  function strength(amount, sends = true) {
    brush.strength = amount;
    if (painting) painting.layers.colour.canvas.style.opacity = amount;
    if (sends && painting) touched();
    else refresh();
  }

  function pan(on) {
    panning = on;
    frame.classList.toggle('aq-panning', on);
  }

  function refresh() {
    tools.show({ ...brush, undo: Boolean(painting?.strokes.length), redo: Boolean(painting?.undone.length), picture: value });
  }

  return { update: show };
}
