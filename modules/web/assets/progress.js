// One line on how far a job is: a bar, what is happening, how long it may take.

import { post } from './api.js';
import { openTab } from './bridge.js';
import { h, say } from './dom.js';
import { poke } from './live.js';
import { orToast } from './toast.js';

/** {element, show(job, {waiting, paused, reachable})}; `job` may be undefined. */
export function progressBar() {
  const bar = h('div', { class: 'aq-bar-fill' });
  const track = h('div', { class: 'aq-bar-track', role: 'progressbar', 'aria-label': 'Progress', 'aria-valuemin': '0', 'aria-valuemax': '100' }, bar);
  const what = h('span', { class: 'aq-progress-what' });
  const when = h('span', { class: 'aq-progress-when' });
  const more = h('button', { type: 'button', class: 'aq-link', onclick: () => openTab('tab_queue') });
  const resume = h('button', { type: 'button', class: 'aq-link', onclick: () => orToast(() => post('queue/resume')).then(poke) }, 'Resume');
  const element = h('div', { class: 'aq-progress', hidden: true }, h('div', { class: 'aq-progress-line' }, what, when, more, resume), track);

  function show(job, { waiting, paused, reachable }) {
    element.hidden = !job && reachable;
    resume.hidden = true;
    more.hidden = !waiting;
    say(more, `${waiting} more waiting`);
    if (!reachable) return draw('The server does not answer; trying again', '', null);
    if (!job) return undefined;
    if (job.state === 'queued') {
      resume.hidden = !paused;
      return draw(paused ? 'The queue is paused' : ahead(job.place), '', 0);
    }
    const step = job.steps ? `${capital(job.stage)} · step ${job.step} of ${job.steps}` : capital(job.stage);
    return draw(step, job.eta ? `about ${seconds(job.eta)} left` : '', job.steps ? job.fraction : null);
  }

  /** `fraction` null: it is not known how long it takes. */
  function draw(text, time, fraction) {
    say(what, text);
    say(when, time);
    track.classList.toggle('aq-unknown', fraction === null);
    const percent = Math.round((fraction ?? 0) * 100);
    bar.style.width = fraction === null ? '' : `${percent}%`;
    if (fraction === null) track.removeAttribute('aria-valuenow');
    else track.setAttribute('aria-valuenow', String(percent));
  }

  return { element, show };
}

export function ahead(place) {
  if (!place) return 'Next in line';
  return place === 1 ? '1 job ahead of you' : `${place} jobs ahead of you`;
}

const capital = (text) => (text ? text[0].toUpperCase() + text.slice(1) : 'Starting');

function seconds(value) {
  if (value < 90) return `${Math.max(1, Math.round(value))} s`;
  if (value < 5400) return `${Math.round(value / 60)} min`;
  return `${(value / 3600).toFixed(1)} h`;
}
