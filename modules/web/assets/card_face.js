// The face of a card in the drawer: its picture, its name, what it was made for, and a way to its page.

import { address } from './api.js';
import { button, h, icon } from './dom.js';

/** `acts` is {use, open}. All words of files are set as text. */
export function cardFace(card, { use, open }) {
  const picture = card.picture
    ? h('img', { src: address(card.picture), alt: '', loading: 'lazy', decoding: 'async' })
    : h('span', { class: 'aq-card-none', 'aria-hidden': 'true' }, icon(card.kind === 'checkpoint' ? 'drop' : 'cards'));
  picture.addEventListener('error', () => picture.replaceWith(h('span', { class: 'aq-card-none' }, icon('image'))));
  const about = [card.misfit, card.description, card.triggers && `Trigger words: ${card.triggers}`].filter(Boolean).join('\n');
  const label = card.kind === 'checkpoint' ? `Choose ${card.name}` : `Use ${card.name}`;
  return h(
    'div',
    { class: `aq-card ${card.misfit ? 'aq-misfit' : ''}` },
    h(
      'button',
      { type: 'button', class: 'aq-card-use', title: about || card.name, 'aria-label': label, 'aria-pressed': 'false', onclick: use },
      picture,
      h('span', { class: 'aq-card-name' }, card.name),
      h('span', { class: 'aq-card-about' }, card.misfit || card.triggers || card.sd_version || card.made_for || card.folder),
    ),
    button('pencil', `About ${card.name}`, open, { bare: true, class: 'aq-card-more', title: 'What is in it, and your notes' }),
  );
}
