// The tools below a canvas, and its keys.

import { button, h } from './dom.js';
import { palette } from './palette.js';

const SMALLER = 0.85;

/**
 * {element, show(state)}; `brush` is {share, erase, opacity, strength, on, colour}, `commands` are the canvas's functions. With
 * `masks` there are a mask and colours; without, colours only, once "Draw" is pressed.
 */
export function boardTools(brush, commands, masks) {
  const bare = (name, label, act) => button(name, label, act, { bare: true });
  const draw = button('brush', 'Draw', () => commands.draw(), { title: 'Draw with colours on the picture (D)' });
  const mask = button('theme', 'Mask', () => commands.on('mask'), { title: 'Paint the mask (M)' });
  const colour = button('drop', 'Colour', () => commands.on('colour'), { title: 'Paint with colour; what is painted is masked too (C)' });
  const paint = bare('brush', 'Brush (B)', () => commands.erase(false));
  const erase = bare('eraser', 'Eraser (E)', () => commands.erase(true));
  const undo = bare('undo', 'Undo (Ctrl+Z)', commands.undo);
  const redo = bare('redo', 'Redo (Ctrl+Shift+Z)', commands.redo);
  const save = bare('download', 'Save the mask as a file', commands.saveMask);
  const size = range('Brush size', 'aq-brush-size', toRange(brush.share), (value) => commands.size(fromRange(value)));
  const opacity = range('Mask opacity', 'aq-mask-opacity', brush.opacity * 100, (value) => commands.opacity(value / 100));
  const clear = range('Colour transparency', 'aq-colour-clear', 0, (value) => commands.strength(1 - value / 100));
  const clearness = group(clear.label);
  const note = h('span', { class: 'aq-size-note' });
  const colours = palette(commands.colour);
  const drawing = [
    group(paint, erase, size.label),
    group(undo, redo, bare('trash', masks ? 'Clear the mask' : 'Clear the drawing', commands.clear)),
  ];
  const zooming = group(
    bare('minus', 'Zoom out', () => commands.zoom(1 / 1.5)),
    bare('fit', 'Fit (0)', commands.fit),
    bare('plus', 'Zoom in', () => commands.zoom(1.5)),
  );
  const end = [
    h('span', { class: 'aq-spring' }),
    note,
    group(
      bare(masks ? 'image' : 'upload', 'Replace the picture', commands.replace),
      bare('close', 'Remove the picture', commands.remove),
    ),
  ];
  const element = h(
    'div',
    { class: 'aq-canvas-tools', role: 'toolbar', 'aria-label': masks ? 'Mask' : 'Picture' },
    masks ? group(mask, colour) : draw,
    ...drawing,
    masks ? [colours.element, clearness, zooming, group(opacity.label), group(bare('upload', 'Load a mask from a file', commands.loadMask), save), ...end] : [...end, colours.element, zooming],
  );

  function show(state) {
    draw.setAttribute('aria-pressed', String(state.drawing));
    mask.setAttribute('aria-pressed', String(state.on === 'mask'));
    colour.setAttribute('aria-pressed', String(state.on === 'colour'));
    paint.setAttribute('aria-pressed', String(!state.erase));
    erase.setAttribute('aria-pressed', String(state.erase));
    for (const each of drawing) each.hidden = !state.drawing;
    colours.element.hidden = !state.drawing || state.on !== 'colour';
    clearness.hidden = colours.element.hidden;
    clear.input.value = (1 - state.strength) * 100;
    colours.show(state.colour);
    undo.disabled = !state.undo;
    redo.disabled = !state.redo;
    size.input.value = toRange(state.share);
    note.textContent = state.picture ? `${state.picture.width} × ${state.picture.height}` : '';
  }

  return { element, show };
}

const group = (...children) => h('div', { class: 'aq-group' }, ...children);

function range(label, className, value, change) {
  const input = h('input', { type: 'range', min: '0', max: '100', step: 'any', class: className, 'aria-label': label, title: label });
  input.value = value;
  input.addEventListener('input', () => change(Number(input.value)));
  return { input, label: h('label', { class: 'aq-range' }, h('span', { 'aria-hidden': 'true' }, label.split(' ').at(-1)), input) };
}

// Small brushes need finer steps than large ones.
const fromRange = (value) => 0.005 + 0.495 * (value / 100) ** 2;
const toRange = (share) => Math.sqrt((share - 0.005) / 0.495) * 100;

/** Keys work while the canvas or one of its tools has the focus. */
export function shortcuts(zone, commands, masks) {
  const plain = {
    '[': () => commands.grow(SMALLER),
    ']': () => commands.grow(1 / SMALLER),
    b: () => commands.erase(false),
    e: () => commands.erase(true),
    0: () => commands.fit(),
    ...(masks ? { m: () => commands.on('mask'), c: () => commands.on('colour') } : { d: () => commands.draw() }),
  };
  zone.addEventListener('keydown', (event) => {
    const control = event.ctrlKey || event.metaKey;
    const key = event.key.toLowerCase();
    if (event.key === ' ' && !event.target.matches('button')) commands.pan(true);
    else if (control && key === 'z') (event.shiftKey ? commands.redo : commands.undo)();
    else if (control && key === 'y') commands.redo();
    else if (!control && !event.altKey && plain[key]) plain[key]();
    else return;
    event.preventDefault();
  });
  zone.addEventListener('keyup', (event) => {
    if (event.key === ' ') commands.pan(false);
  });
  zone.addEventListener('focusout', () => commands.pan(false));
}
