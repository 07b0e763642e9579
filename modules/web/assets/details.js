// The parameters of a picture as text: prompt, negative prompt, and the rest as pairs.

import { h, fill, button } from './dom.js';
import { takeApart } from './infotext.js';
import { toast } from './toast.js';

/** Draws `infotext` into `element`. */
export function showDetails(element, infotext) {
  if (!infotext) return fill(element);
  const { prompt, negative, pairs } = takeApart(infotext);
  return fill(
    element,
    h('div', { class: 'aq-details-words' }, h('p', {}, prompt || '(no prompt)'), copyButton(infotext)),
    negative && h('p', { class: 'aq-negative' }, h('span', {}, 'Negative prompt: '), negative),
    pairs.length > 0 && h('dl', {}, pairs.map(([key, value]) => h('div', {}, h('dt', {}, key), h('dd', {}, value)))),
  );
}

function copyButton(text) {
  return button('copy', 'Copy the parameters', () => copy(text), { bare: true });
}

/** Copies also where the browser has no clipboard API (a page on plain http). */
async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const field = h('textarea', { style: 'position:fixed;opacity:0' });
    field.value = text;
    document.body.append(field);
    field.select();
    document.execCommand('copy');
    field.remove();
  }
  toast('Copied', 'good');
}
