// The queue: one's own jobs, what they wait for, and what can be done with them.

import { post } from './api.js';
import { button, fill, h, icon } from './dom.js';
import { isActive, poke, watch } from './live.js';
import { ahead } from './progress.js';
import { orToast } from './toast.js';

const ENDED = { done: 'Done', failed: 'Failed', cancelled: 'Stopped' };

export function mount(element) {
  const heading = h('h2', {}, 'Queue');
  const others = h('span', { class: 'aq-soft' });
  const pause = h('button', { type: 'button', class: 'aq-button', id: 'aquatint_queue_pause' });
  const list = h('ol', { class: 'aq-jobs' });
  const past = h('ol', { class: 'aq-jobs aq-past' });
  const pastHeading = h('h3', {}, 'Ended');
  fill(
    element,
    h('section', { class: 'aq-queue', 'aria-label': 'Queue' }, h('div', { class: 'aq-row' }, heading, others, h('span', { class: 'aq-spring' }), pause), list, pastHeading, past),
  );
  let paused = false;
  pause.addEventListener('click', () => act(`queue/${paused ? 'resume' : 'pause'}`));
  watch(draw);

  function draw(state) {
    paused = state.paused;
    fill(pause, icon(paused ? 'play' : 'pause'), h('span', { class: 'aq-label' }, paused ? 'Resume' : 'Pause'));
    others.textContent = state.others ? `${state.others} of other people` : '';
    const active = state.jobs.filter(isActive).sort(inOrder);
    const ended = state.jobs.filter((job) => !isActive(job));
    const queued = active.filter((job) => job.state === 'queued');
    rows(list, active.map((job) => [job, queued]), activeRow);
    if (!active.length) fill(list, h('li', { class: 'aq-empty-row' }, state.known ? 'Nothing waits. Generate as often as you like: each press is a job of its own.' : ''));
    pastHeading.hidden = !ended.length;
    rows(past, ended.map((job) => [job]), endedRow);
  }

  /** Draws again only what changed, so that the focus stays where it is. */
  function rows(parent, items, draw) {
    const present = new Map([...parent.children].map((row) => [row.dataset.id, row]));
    const wanted = items.map(([job, ...more]) => {
      const key = JSON.stringify([job, more.map((list) => list.map(({ id }) => id))]);
      const old = present.get(job.id);
      if (old?.dataset.key === key) return old;
      const row = draw(job, ...more);
      row.dataset.id = job.id;
      row.dataset.key = key;
      return row;
    });
    if (wanted.length !== parent.children.length || wanted.some((row, at) => parent.children[at] !== row)) parent.replaceChildren(...wanted);
  }

  function activeRow(job, queued) {
    const running = job.state === 'running';
    const at = queued.findIndex((each) => each.id === job.id);
    const move = (place) => act(`jobs/${job.id}/move`, { place });
    const tools = running
      ? [button('stop', 'Interrupt', () => act(`jobs/${job.id}/interrupt`), { bare: true }), button('skip', 'Skip', () => act(`jobs/${job.id}/skip`), { bare: true })]
      : [
          button('first', 'To the front', () => move(0), { bare: true, disabled: at === 0 }),
          button('up', 'Earlier', () => move(at - 1), { bare: true, disabled: at === 0 }),
          button('down', 'Later', () => move(at + 1), { bare: true, disabled: at === queued.length - 1 }),
          button('close', 'Cancel', () => act(`jobs/${job.id}/cancel`), { bare: true, class: 'aq-danger' }),
        ];
    const bar = running && h('div', { class: 'aq-bar-track' }, h('div', { class: 'aq-bar-fill', style: `width:${Math.round((job.fraction ?? 0) * 100)}%` }));
    return row(job, running ? `${job.stage || 'running'}${job.steps ? ` ${job.step}/${job.steps}` : ''}` : ahead(job.place), tools, bar);
  }

  function endedRow(job) {
    return row(job, job.error || ENDED[job.state], [], null);
  }

  function row(job, state, tools, bar) {
    return h(
      'li',
      { class: `aq-job aq-${job.state}` },
      h('span', { class: 'aq-kind' }, job.kind),
      h('span', { class: 'aq-job-prompt', title: job.prompt }, job.prompt || '(no prompt)'),
      h('span', { class: 'aq-job-state' }, state),
      h('span', { class: 'aq-job-tools' }, tools),
      bar,
    );
  }

  function act(path, value) {
    return orToast(() => post(path, value)).then(poke);
  }
}

const inOrder = (one, other) => rank(one) - rank(other);
const rank = (job) => (job.state === 'running' ? -1 : job.place ?? 0);
