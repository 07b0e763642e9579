// At the end of the bar: what is going on, from any tab; light or dark; and the way out for who has logged in.

import { openTab } from './bridge.js';
import { button, fill, h, icon, say } from './dom.js';
import { isActive, watch } from './live.js';

export function mount(element) {
  const text = h('span');
  const chip = h('button', { type: 'button', class: 'aq-chip', title: 'Open the queue', onclick: () => openTab('tab_queue') }, icon('drop'), text);
  const theme = button('theme', 'Light or dark', toggleTheme, { bare: true });
  const leave = h('button', { type: 'button', class: 'aq-chip', id: 'aquatint_logout', hidden: true, onclick: logOut }, 'Log out');
  fill(element, h('div', { class: 'aq-status' }, chip, theme, leave));
  watch((state) => {
    leave.hidden = !state.login;
    leave.title = state.login ? `You are ${state.login}` : '';
    chip.dataset.tone = tone(state);
    say(text, words(state));
    const running = state.jobs.find((job) => job.state === 'running');
    const title = running ? `${percent(running)} · Aquatint` : 'Aquatint';
    if (document.title !== title) document.title = title;
  });
}

function tone(state) {
  if (!state.reachable) return 'problem';
  if (state.paused) return 'paused';
  return state.jobs.some((job) => job.state === 'running') ? 'busy' : 'idle';
}

function words(state) {
  if (!state.reachable) return 'No connection';
  const active = state.jobs.filter(isActive);
  const running = active.find((job) => job.state === 'running');
  const waiting = active.length - (running ? 1 : 0);
  const more = waiting ? ` · ${waiting} waiting` : '';
  if (state.paused && !running) return `Paused${more}`;
  if (running) return `${percent(running)}${more}`;
  if (waiting) return `${waiting} waiting`;
  return state.others ? `Busy for others · ${state.others}` : 'Ready';
}

const percent = (job) => `${Math.round((job.fraction ?? 0) * 100)} %`;

function toggleTheme() {
  const dark = document.body.classList.toggle('dark');
  localStorage.setItem('aquatint-theme', dark ? 'dark' : 'light');
}

async function logOut() {
  await fetch('/logout', { method: 'POST' });
  location.assign('/login');
}
