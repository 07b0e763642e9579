// Short messages in a corner of the page, read out by screen readers.

import { h, button } from './dom.js';

const SHOWN = { info: 4000, good: 3000, problem: 9000 };

function corner() {
  const present = document.getElementById('aquatint_toasts');
  if (present) return present;
  const made = h('div', { id: 'aquatint_toasts', class: 'aq-toasts', role: 'status', 'aria-live': 'polite' });
  document.body.append(made);
  return made;
}

/** Shows `text`; `tone` is info, good or problem. */
export function toast(text, tone = 'info') {
  const close = () => message.remove();
  const message = h(
    'div',
    { class: `aq-toast aq-${tone}` },
    h('span', {}, text),
    button('close', 'Close', close, { bare: true }),
  );
  corner().append(message);
  setTimeout(close, SHOWN[tone]);
}

/** Runs `work` and shows what went wrong; returns undefined then. */
export async function orToast(work) {
  try {
    return await work();
  } catch (error) {
    toast(error.message || String(error), 'problem');
    return undefined;
  }
}
