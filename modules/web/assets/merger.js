// What comes of a merge: how far it is, what is wrong, and the new checkpoint, which one click chooses.

import { announce, fillForm } from './bridge.js';
import { button, fill, h, icon, say } from './dom.js';
import { isActive, poke, watch } from './live.js';
import { progressBar } from './progress.js';
import { toast } from './toast.js';

const KIND = 'merge';
const SHOWN = 8;

export function mount(element) {
  const progress = progressBar();
  const list = h('ol', { class: 'aq-merges', 'aria-label': 'Finished merges' });
  const nothing = h(
    'div',
    { class: 'aq-empty' },
    icon('drop'),
    h('p', {}, 'The new checkpoint appears here.'),
    h('p', { class: 'aq-soft' }, 'It is a job like any other: the page may be closed meanwhile.'),
  );
  const stage = h('div', { class: 'aq-stage aq-merge-stage' }, nothing, progress.element);
  const spoken = h('p', { class: 'aq-spoken', role: 'status', 'aria-live': 'polite' });
  fill(element, h('section', { class: 'aq-results', 'aria-label': 'Results of the merger' }, stage, list, spoken));
  let active = new Set();
  watch(draw);

  function draw(state) {
    const jobs = state.jobs.filter((job) => job.kind === KIND);
    const running = jobs.find((job) => job.state === 'running');
    const shown = running ?? jobs.filter((job) => job.state === 'queued').sort((one, other) => one.place - other.place)[0];
    const waiting = jobs.filter((job) => job.state === 'queued' && job !== shown).length;
    progress.show(shown, { waiting, paused: state.paused, reachable: state.reachable });
    const ended = jobs.filter((job) => !isActive(job)).slice(0, SHOWN);
    stage.hidden = Boolean(ended.length) && !shown && state.reachable;
    nothing.hidden = Boolean(shown) || !state.known;
    const interrupt = document.getElementById('modelmerger_interrupt');
    if (interrupt) interrupt.disabled = !running;
    document.getElementById('modelmerger_generate_box')?.classList.toggle('aq-is-running', Boolean(running));
    drawList(ended);
    hear(jobs);
  }

  function drawList(ended) {
    const key = JSON.stringify(ended.map((job) => [job.id, job.state]));
    if (list.dataset.key === key) return;
    list.dataset.key = key;
    fill(list, ended.map(row));
  }

  function row(job) {
    const done = job.state === 'done';
    const told = done ? job.makes : job.error || 'Interrupted: nothing of it is left.';
    const use = () => {
      fillForm('txt2img', { checkpoint: job.makes });
      toast(`Checkpoint ${job.makes}`, 'good');
    };
    return h(
      'li',
      { class: `aq-merge aq-${job.state}` },
      h('div', {}, h('p', { class: 'aq-merge-name' }, told), !(done && job.makes.startsWith(job.prompt)) && h('p', { class: 'aq-soft' }, job.prompt), job.comments.map((text) => h('p', { class: 'aq-merge-note' }, text))),
      done && button('drop', 'Use it', use, { title: `Choose ${job.makes} for all tabs` }),
    );
  }

  /** The lists on the page learn of a checkpoint that has come about since they were drawn. */
  function hear(jobs) {
    const ended = jobs.filter((job) => active.has(job.id) && !isActive(job));
    active = new Set(jobs.filter(isActive).map((job) => job.id));
    if (!ended.length) return;
    say(spoken, ended.map((job) => (job.state === 'done' ? `Done: ${job.makes}` : job.error || 'Interrupted')).join('. '));
    if (ended.some((job) => job.state === 'done')) announce('merged');
  }

  return { update: poke };
}
