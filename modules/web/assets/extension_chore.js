// What is at work on extensions: which step, for how long, what was said, and the way to cancel it.

import { post } from './api.js';
import { button, h, say } from './dom.js';
import { orToast } from './toast.js';

const HEADS = { failed: 'it did not work', cancelled: 'cancelled' };
const LONG = 10; // seconds after which somebody may wonder whether to wait

/** {element, show(news), restarting()}. The parts stay the same ones: somebody may be about to press one. */
export function choreCard() {
  const title = h('strong');
  const time = h('span', { class: 'aq-soft aq-number', 'aria-hidden': 'true' });
  const cancel = button('stop', 'Cancel', () => orToast(() => post('extensions/cancel')), { title: 'Ends the program that does this' });
  const close = button('close', 'Close', () => (element.hidden = true), { bare: true });
  const step = h('p', { role: 'status' });
  const hint = h('p', { class: 'aq-chore-hint' }, 'You can go on working meanwhile: what comes of it is shown here.');
  const said = h('pre');
  const log = h('details', {}, h('summary', {}, 'What was said'), said);
  const element = h('div', { class: 'aq-chore', hidden: true }, h('div', { class: 'aq-row' }, title, time, h('span', { class: 'aq-spring' }), cancel, close), h('div', { class: 'aq-chore-bar' }), step, hint, log);

  function show(news) {
    const running = news.state === 'running';
    element.hidden = news.state === 'done';
    element.dataset.state = news.state;
    say(title, HEADS[news.state] ? `${news.what}: ${HEADS[news.state]}` : news.what);
    say(time, running && news.seconds >= 1 ? clock(news.seconds) : '');
    say(step, news.error || news.step || news.lines.at(-1) || '');
    cancel.hidden = !(running && news.can_end);
    close.hidden = running;
    hint.hidden = !(running && news.seconds > LONG);
    log.hidden = news.lines.length < 2;
    const follows = said.scrollTop + said.clientHeight >= said.scrollHeight - 4;
    say(said, news.lines.join('\n'));
    if (follows) said.scrollTop = said.scrollHeight;
  }

  function restarting() {
    show({ what: 'Restarting', state: 'running', step: 'The page comes back by itself.', lines: [], seconds: 0, can_end: false });
  }

  return { element, show, restarting };
}

const clock = (seconds) => (seconds < 60 ? `${Math.floor(seconds)} s` : `${Math.floor(seconds / 60)} min ${Math.floor(seconds % 60)} s`);
