// The colours to draw with: a few at hand, and the browser's own picker for all others.

import { h } from './dom.js';

export const FIRST = '#d62f2f';
const AT_HAND = {
  Black: '#111111', White: '#ffffff', Grey: '#8a8a8a', Brown: '#7a4a25', Red: FIRST, Orange: '#f08a24',
  Yellow: '#f5d53d', Green: '#3f9a3b', Blue: '#2f63c9', 'Light blue': '#8fcdf0', Purple: '#8146a8', Skin: '#f0c3a0',
};

/** {element, show(colour)}; `choose(colour)` is told what was clicked. */
export function palette(choose) {
  const swatches = Object.entries(AT_HAND).map(([name, colour]) =>
    h('button', { type: 'button', class: 'aq-swatch', title: name, 'aria-label': name, style: `--swatch:${colour}`, onclick: () => choose(colour) }),
  );
  const own = h('input', { type: 'color', class: 'aq-own-colour', 'aria-label': 'Any colour', title: 'Any colour; Alt and a click on the picture takes one from there' });
  own.addEventListener('input', () => choose(own.value));
  const element = h('div', { class: 'aq-palette', role: 'group', 'aria-label': 'Colour' }, own, swatches);

  function show(colour) {
    own.value = colour;
    Object.values(AT_HAND).forEach((each, place) => swatches[place].setAttribute('aria-pressed', String(each === colour)));
  }

  return { element, show };
}
