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
const ends = new Map(); // job id -> when we saw it end: the server lists jobs by when they were asked for

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
  publish({ ...news, jobs: latestFirst(news.jobs), reachable: true, known: true });
}

/** Active jobs as they come, then the ended ones, the last to end first. */
function latestFirst(jobs) {
  const wereActive = new Set(state.jobs.filter(isActive).map((job) => job.id));
  const ended = jobs.filter((job) => !isActive(job));
  const before = new Set(state.jobs.map((job) => job.id));
  const first = ended.findIndex((job) => before.has(job.id));
  const isFresh = (index) => state.known && (first < 0 || index < first); // over before anybody saw it run
  for (let index = ended.length - 1; index >= 0; index -= 1) {
    const { id } = ended[index];
    if (wereActive.has(id) || isFresh(index)) ends.set(id, ends.size + 1);
  }
  const rank = (job) => ends.get(job.id) ?? 0;
  return [...jobs.filter(isActive), ...ended.sort((one, other) => rank(other) - rank(one))];
}

function publish(next) {
  state = next;
  for (const listener of listeners) listener(state);
}
