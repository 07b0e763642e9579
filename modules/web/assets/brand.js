// The name of the program.

import { h, fill, icon } from './dom.js';

export function mount(element) {
  fill(element, h('div', { class: 'aq-brand' }, icon('drop'), h('span', {}, 'Aquatint')));
}
