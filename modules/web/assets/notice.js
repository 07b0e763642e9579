// What a person should know before the first picture. It can be put away; a new one shows again.

import { button, fill, h, icon } from './dom.js';

const PUT_AWAY = 'aquatint-notice';

export function mount(element, { props }) {
  const text = h('p');
  const box = h('div', { class: 'aq-notice', role: 'status' }, icon('warning'), text, button('close', 'Put away', putAway, { bare: true }));
  fill(element, box);
  update(props.value);

  function update(value) {
    text.textContent = value || '';
    box.hidden = !value || sessionStorage.getItem(PUT_AWAY) === value;
  }

  function putAway() {
    sessionStorage.setItem(PUT_AWAY, text.textContent);
    box.hidden = true;
  }

  return { update };
}
