// One picture over the whole window: zoom, previous and next, its parameters, and what can be done with it.

import { actionButtons } from './actions.js';
import { imageAddress } from './api.js';
import { showDetails } from './details.js';
import { button, h, say } from './dom.js';
import { verifier, verifyOwn } from './verify.js';
import { View, at, gestures, wheelFactor } from './zoom.js';

/**
 * Opens `images[index]`; `context` is {tab(), removed(id), moved?(id), more?(), larger?(image)}.
 * `more` may load further pictures into `images` when the last one is reached.
 */
export function openLightbox(images, index, context) {
  let list = [...images];
  let place = index;
  const picture = h('img', { class: 'aq-large', alt: '', draggable: 'false' });
  const stage = h('div', { class: 'aq-large-stage' }, picture);
  const count = h('span', { class: 'aq-count' });
  const details = h('div', { class: 'aq-details' });
  const verify = verifier(() => verifyOwn(list[place].id));
  const bar = h(
    'div',
    { class: 'aq-actions-row', role: 'toolbar', 'aria-label': 'Picture' },
    actionButtons(() => list[place], { tab: leave, removed: drop, larger: context.larger }),
  );
  // Whatever leads back to a form or its results also closes the lightbox.
  bar.addEventListener('click', (event) => {
    const name = event.target.closest('button')?.getAttribute('aria-label') ?? '';
    if (/^(To |Reuse|Hires)/.test(name)) dialog.close();
  });
  const dialog = h(
    'dialog',
    { class: 'aq-lightbox', 'aria-label': 'Picture', onkeydown: keys, onclose: () => dialog.remove() },
    h(
      'div',
      { class: 'aq-lightbox-main' },
      stage,
      button('left', 'Previous picture', () => step(-1), { bare: true, class: 'aq-step aq-left' }),
      button('right', 'Next picture', () => step(1), { bare: true, class: 'aq-step aq-right' }),
      h('div', { class: 'aq-lightbox-top' }, count, button('close', 'Close', () => dialog.close(), { bare: true })),
    ),
    h('aside', { class: 'aq-lightbox-side' }, bar, details, verify.element),
  );
  const view = new View(({ scale, x, y }) => {
    picture.style.transform = `translate(${x}px, ${y}px) scale(${scale})`;
    stage.classList.toggle('aq-zoomed', scale > 1);
  });
  moves();
  document.body.append(dialog);
  dialog.showModal();
  show();

  function leave() {
    return context.tab();
  }

  function show() {
    const image = list[place];
    view.reset();
    picture.src = imageAddress(image.id);
    picture.alt = (image.infotext ?? '').split('\n')[0];
    say(count, `${place + 1} of ${list.length}`);
    showDetails(details, image.infotext);
    verify.reset();
    context.moved?.(image.id);
    if (place >= list.length - 3) context.more?.().then((further) => (list = further ?? list), () => undefined);
  }

  function step(by) {
    if (list.length < 2) return;
    place = (place + by + list.length) % list.length;
    show();
  }

  function drop(id) {
    context.removed(id);
    list = list.filter((image) => image.id !== id);
    if (!list.length) return dialog.close();
    place = Math.min(place, list.length - 1);
    return show();
  }

  function keys(event) {
    const moves = { ArrowLeft: -1, ArrowRight: 1 };
    if (!(event.key in moves)) return;
    step(moves[event.key]);
    event.preventDefault();
  }

  /** Wheel and pinch zoom, a drag pans, a double click zooms in and out; a swipe goes to the next picture. */
  function moves() {
    let from = null;
    stage.addEventListener('wheel', (event) => {
      event.preventDefault();
      const { x, y } = at(event, stage);
      view.zoom(wheelFactor(event), x, y);
    });
    stage.addEventListener('dblclick', (event) => {
      const { x, y } = at(event, stage);
      if (view.scale > 1) view.reset();
      else view.zoom(3, x, y);
    });
    gestures(stage, view, {
      down: (event) => (from = { x: event.clientX, y: event.clientY, moved: false }),
      move: (event) => {
        if (!from || view.scale === 1) return;
        view.pan(event.clientX - from.x, event.clientY - from.y);
        from = { x: event.clientX, y: event.clientY, moved: true };
      },
      up: (event) => {
        const across = from && view.scale === 1 ? event.clientX - from.x : 0;
        if (Math.abs(across) > 60) step(across < 0 ? 1 : -1);
        from = null;
      },
      cancel: () => (from = null),
    });
  }
}
