// The tools above the inpaint canvas, and its keys.

import { button, h } from './dom.js';

const SMALLER = 0.85;

/** {element, show(state)}; `brush` is {share, erase, opacity}, `commands` are the canvas's functions. */
export function boardTools(brush, commands) {
  const paint = button('brush', 'Brush (B)', () => commands.erase(false), { bare: true });
  const erase = button('eraser', 'Eraser (E)', () => commands.erase(true), { bare: true });
  const undo = button('undo', 'Undo (Ctrl+Z)', commands.undo, { bare: true });
  const redo = button('redo', 'Redo (Ctrl+Shift+Z)', commands.redo, { bare: true });
  const size = range('Brush size', 'aq-brush-size', toRange(brush.share), (value) => commands.size(fromRange(value)));
  const opacity = range('Mask opacity', 'aq-mask-opacity', brush.opacity * 100, (value) => commands.opacity(value / 100));
  const note = h('span', { class: 'aq-size-note' });
  const element = h(
    'div',
    { class: 'aq-canvas-tools', role: 'toolbar', 'aria-label': 'Mask' },
    group(paint, erase, size.label),
    group(undo, redo, button('trash', 'Clear the mask', commands.clear, { bare: true })),
    group(
      button('minus', 'Zoom out', () => commands.zoom(1 / 1.5), { bare: true }),
      button('fit', 'Fit (0)', commands.fit, { bare: true }),
      button('plus', 'Zoom in', () => commands.zoom(1.5), { bare: true }),
    ),
    group(opacity.label),
    h('span', { class: 'aq-spring' }),
    note,
    group(
      button('upload', 'Replace the picture', commands.replace, { bare: true }),
      button('close', 'Remove the picture', commands.remove, { bare: true }),
    ),
  );

  function show(state) {
    paint.setAttribute('aria-pressed', String(!state.erase));
    erase.setAttribute('aria-pressed', String(state.erase));
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
export function shortcuts(zone, commands) {
  const plain = {
    '[': () => commands.grow(SMALLER),
    ']': () => commands.grow(1 / SMALLER),
    b: () => commands.erase(false),
    e: () => commands.erase(true),
    0: () => commands.fit(),
  };
  zone.addEventListener('keydown', (event) => {
    const control = event.ctrlKey || event.metaKey;
    const key = event.key.toLowerCase();
    if (event.key === ' ' && !event.target.matches('button')) commands.pan(true);
    else if (control && key === 'z') (event.shiftKey ? commands.redo : commands.undo)();
    else if (control && key === 'y') commands.redo();
    else if (!control && plain[key]) plain[key]();
    else return;
    event.preventDefault();
  });
  zone.addEventListener('keyup', (event) => {
    if (event.key === ' ') commands.pan(false);
  });
  zone.addEventListener('focusout', () => commands.pan(false));
}
