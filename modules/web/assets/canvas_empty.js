// What a canvas shows before it has a picture: how to bring one, or to begin with a blank sheet.

import { button, h, icon } from './dom.js';

/** `choose()` opens the file dialog; `begin(colour)`, where there is one, makes a blank sheet. */
export function invitation(choose, { masks, begin }) {
  const bring = h(
    'button',
    { type: 'button', class: 'aq-invitation', onclick: choose },
    icon(masks ? 'brush' : 'image'),
    h('span', {}, 'Drop a picture here, paste one, or click to choose'),
    masks && h('span', { class: 'aq-soft' }, 'Then paint over what should change'),
  );
  if (!begin) return bring;
  const paper = h('input', { type: 'color', value: '#ffffff', class: 'aq-own-colour', 'aria-label': 'Colour of the sheet', title: 'Colour of the sheet' });
  const start = button('pencil', 'Begin a sketch', () => begin(paper.value), { title: 'Draw on a blank sheet of the size below' });
  return h('div', { class: 'aq-begin' }, bring, h('div', { class: 'aq-begin-sketch' }, start, paper));
}

/** The width and height that the form of `tab` says, in pixels. */
export function formSize(tab) {
  return ['width', 'height'].map((side) => {
    const said = Number(document.querySelector(`#${tab}_${side} input[type=number]`)?.value);
    return Math.min(2048, Math.max(64, Math.round(said || 512)));
  });
}
