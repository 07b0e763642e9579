// Verify: a button that has a picture made again, and one line that says whether it came out identical.

import { ask } from './api.js';
import { button, h, say } from './dom.js';

export const verifyFile = (blob) => ask('verify', { method: 'POST', body: blob });
export const verifyOwn = (id) => ask(`images/${encodeURIComponent(id)}/verify`, { method: 'POST' });

/** {element, reset(enabled)}; `work` asks the server about the picture that is shown. */
export function verifier(work) {
  let asked = 0;
  const line = h('span', { class: 'aq-verdict', role: 'status' });
  const go = button('refresh', 'Verify', run, { title: 'Make this picture again and compare every pixel; nothing is saved' });

  async function run() {
    const own = ++asked;
    go.disabled = true;
    tell('', 'Making it again…');
    let verdict;
    try {
      verdict = await work();
    } catch (error) {
      verdict = { sentence: error.message || String(error) };
    }
    if (own !== asked) return;
    go.disabled = false;
    tell(verdict.identical ? 'good' : 'other', verdict.sentence);
  }

  function tell(tone, text) {
    line.dataset.tone = tone;
    say(line, text && text[0].toUpperCase() + text.slice(1));
  }

  function reset(enabled = true) {
    asked += 1;
    go.disabled = !enabled;
    tell('', '');
  }

  return { element: h('div', { class: 'aq-verify' }, go, line), reset };
}
