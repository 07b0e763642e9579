// A line of text that the server sets: counters, notices, the footer.

import { h, fill } from './dom.js';

export function mount(element, { props }) {
  const text = h('div', { class: 'aq-note', role: 'status' });
  fill(element, text);
  const update = (value) => {
    text.textContent = value || '';
    text.hidden = !value;
  };
  update(props.value);
  return { update };
}
