// What the server says of one's own jobs: one poll for the whole page, fast while something runs, still when nobody
// looks.

import { ask } from './api.js';

const BUSY = 400;
const IDLE = 4000;
const LONGEST_WAIT = 10000;
const ACTIVE = ['queued', 'running'];

const listeners = new Set();
let state = { jobs: [], paused: false, others: 0, reachable: true, known: false };
let lastText = '';
let timer = 0;
let asking = null;
let failures = 0;

/** Calls `listener(state)` now and after every change; returns the function that ends it. */
export function watch(listener) {
  listeners.add(listener);
  listener(state);
  if (listeners.size === 1) start();
  return () => listeners.delete(listener);
}

/** Asks at once: something has been sent to the server. */
export function poke() {
  clearTimeout(timer);
  asking?.abort();
  tick();
}

export const isActive = (job) => ACTIVE.includes(job.state);
export const jobsOf = (tab) => state.jobs.filter((job) => job.kind === tab);
export const runningJob = () => state.jobs.find((job) => job.state === 'running');

function start() {
  document.addEventListener('visibilitychange', () => {
    if (!document.hidden) poke();
  });
  tick();
}

async function tick() {
  clearTimeout(timer);
  if (document.hidden) return;
  const request = new AbortController();
  asking = request;
  const late = setTimeout(() => request.abort(), LONGEST_WAIT);
  try {
    take(await ask('state', { signal: request.signal }));
    failures = 0;
  } catch (error) {
    if (asking !== request) return;
    if (error.status === 401) return location.reload(); // logged out: the server shows its login
    failures += 1;
    if (failures > 1) publish({ ...state, reachable: false });
  } finally {
    clearTimeout(late);
  }
  if (asking !== request) return;
  asking = null;
  timer = setTimeout(tick, pause());
}

function pause() {
  if (failures) return Math.min(IDLE, BUSY * 2 ** failures);
  return state.jobs.some(isActive) ? BUSY : IDLE;
}

function take(news) {
  const text = JSON.stringify(news);
  if (text === lastText && state.reachable) return;
  lastText = text;
  publish({ ...news, reachable: true, known: true });
}

function publish(next) {
  state = next;
  for (const listener of listeners) listener(state);
}
