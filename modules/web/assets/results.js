// The results of one tab: the running job with its progress, the finished pictures, and what can be done with them.

import { actionButtons } from './actions.js';
import { imageAddress, served, thumbAddress } from './api.js';
import { changed, setShown } from './bridge.js';
import { showDetails } from './details.js';
import { button, fill, h, icon } from './dom.js';
import { openLightbox } from './lightbox.js';
import { isActive, poke, watch } from './live.js';
import { progressBar } from './progress.js';

export function mount(element, { tab, hint = 'Describe one, then press Generate.', trigger }) {
  const form = tab === 'extras' ? 'txt2img' : tab; // where seeds and parameters go
  const larger = tab === 'txt2img' ? ({ id }) => trigger('ask_for_larger', { id }) : null;
  const removed = new Set();
  let jobs = [];
  let images = [];
  let chosen = null; // the id the person clicked; null follows the newest
  let dismissed = '';
  let speaking = '';
  let wanted = ''; // the address of the picture that is shown, or about to be

  let picture = h('img', { class: 'aq-picture', alt: '', hidden: true });
  const empty = h(
    'div',
    { class: 'aq-empty' },
    icon('drop'),
    h('p', {}, 'Your pictures appear here.'),
    h('p', { class: 'aq-soft' }, hint),
  );
  const progress = progressBar();
  const back = button('left', 'Previous picture', () => step(-1), { bare: true, class: 'aq-step aq-left' });
  const forth = button('right', 'Next picture', () => step(1), { bare: true, class: 'aq-step aq-right' });
  const comments = h('ul', { class: 'aq-comments', 'aria-label': 'Notes on this job', hidden: true });
  const stage = h('div', { class: 'aq-stage', tabIndex: 0, onkeydown: keys }, empty, picture, back, forth, progress.element, comments);
  const actions = h(
    'div',
    { class: 'aq-actions-row', role: 'toolbar', 'aria-label': 'Picture', id: `image_buttons_${tab}` },
    actionButtons(() => current(), { tab: () => form, removed: forget, larger, row: tab }),
  );
  const strip = h('div', { class: 'aq-strip', role: 'listbox', 'aria-label': 'Finished pictures' });
  const problem = h('div', { class: 'aq-problem', role: 'alert', hidden: true });
  const spoken = h('p', { class: 'aq-spoken', role: 'status', 'aria-live': 'polite' });
  const details = h('div', { class: 'aq-details', id: `html_info_${tab}` });
  fill(element, h('section', { class: 'aq-results', 'aria-label': `Results of ${tab}` }, stage, problem, actions, strip, details, spoken));
  let last;
  watch((state) => {
    last = state;
    draw(state);
  });

  function draw(state) {
    jobs = state.jobs.filter((job) => job.kind === tab);
    images = finished(jobs).filter((image) => !removed.has(image.id));
    element.pictures = images; // for scripts of extensions
    if (chosen && !images.some((image) => image.id === chosen)) chosen = null;
    const running = jobs.find((job) => job.state === 'running');
    const active = running ?? jobs.filter((job) => job.state === 'queued').sort(byPlace)[0];
    const waiting = jobs.filter((job) => job.state === 'queued' && job !== active).length;
    progress.show(active, { waiting, paused: state.paused, reachable: state.reachable });
    stage.classList.toggle('aq-busy', Boolean(running));
    buttons(Boolean(running));
    drawStrip(running);
    drawStage(running);
    drawProblem();
    drawComments(running);
    speak(running);
    empty.hidden = !state.known || !picture.hidden;
  }

  /** What the stage shows: the live preview while the person has not chosen another picture, else a finished one. */
  function drawStage(running) {
    const live = !chosen && running?.preview;
    const image = current();
    const source = live ? served(running.preview) : image && imageAddress(image.id);
    setShown(tab, image);
    if (source) show(source, live ? 'Live preview' : promptOf(image), live);
    else if (!running) clear();
    const several = images.length > 1;
    back.hidden = forth.hidden = !several;
    for (const each of actions.children) each.disabled = !image;
    if (details.dataset.of !== (image?.id ?? '')) {
      details.dataset.of = image?.id ?? '';
      details.infotext = image?.infotext; // for scripts of extensions
      showDetails(details, image?.infotext);
    }
  }

  /** Puts the new picture in the place of the old one once it is decoded, so that nothing flashes. */
  function show(source, text, live) {
    if (wanted === source) return;
    wanted = source;
    const next = h('img', { class: `aq-picture ${live ? 'aq-live' : ''}`, src: source, alt: text, onclick: enlarge });
    const swap = () => {
      if (wanted !== source) return;
      picture.replaceWith(next);
      picture = next;
      empty.hidden = true;
    };
    next.decode().then(swap, () => undefined);
  }

  function clear() {
    wanted = '';
    picture.hidden = true;
  }

  function drawStrip(running) {
    const key = JSON.stringify([images.map((image) => image.id), running?.id, chosen]);
    if (strip.dataset.key === key) return;
    strip.dataset.key = key;
    const shown = current()?.id;
    const live = running && thumb(null, h('span', { class: 'aq-thumb-live' }, icon('drop')), !chosen, 'Running');
    fill(
      strip,
      live,
      images.map((image) => {
        const gone = () => forget(image.id); // deleted elsewhere
        const small = h('img', { src: thumbAddress(image.id), alt: '', loading: 'lazy', decoding: 'async', onerror: gone });
        return thumb(image.id, small, image.id === shown && !(running && !chosen), promptOf(image));
      }),
    );
  }

  function thumb(id, inside, selected, label) {
    const known = `aq-thumb ${id ? 'thumbnail-item' : ''} ${selected ? 'selected' : ''}`; // the last two as extensions know them
    const props = { type: 'button', role: 'option', class: known, title: label, 'aria-label': label };
    return h('button', { ...props, 'aria-selected': String(selected), onclick: () => choose(id) }, inside);
  }

  function drawProblem() {
    const failed = jobs.find((job) => !isActive(job));
    const shown = failed?.state === 'failed' && failed.id !== dismissed;
    problem.hidden = !shown;
    if (!shown || problem.dataset.of === failed.id) return;
    problem.dataset.of = failed.id;
    const close = () => {
      dismissed = failed.id;
      problem.hidden = true;
    };
    fill(problem, icon('warning'), h('p', {}, failed.error || 'That job failed.'), button('close', 'Close', close, { bare: true }));
  }

  /** What the server says of the job whose picture is shown, or about to be. */
  function drawComments(running) {
    const of = chosen ? jobs.find((job) => (job.images ?? []).some((image) => image.id === chosen)) : running ?? jobs.find((job) => !isActive(job));
    const texts = of?.comments ?? [];
    const key = JSON.stringify(texts);
    if (comments.dataset.key === key) return;
    comments.dataset.key = key;
    comments.hidden = !texts.length;
    fill(comments, texts.map((text) => h('li', {}, text)));
  }

  /** For screen readers: when a job begins and when it ends, not every step. */
  function speak(running) {
    if (running && speaking !== running.id) spoken.textContent = 'Generating';
    const ended = !running && speaking && jobs.find((job) => job.id === speaking);
    if (ended) spoken.textContent = ended.state === 'done' ? [`Done: ${ended.images.length} pictures`, ...ended.comments].join('. ') : ended.error || 'Stopped';
    if (ended) changed(form); // what the next one would come to is better known now
    speaking = running?.id ?? '';
  }

  function current() {
    return images.find((image) => image.id === chosen) ?? images[0] ?? null;
  }

  function choose(id) {
    chosen = id;
    redraw();
  }

  function step(by) {
    const at = images.findIndex((image) => image.id === current()?.id);
    const next = images[(at + by + images.length) % images.length];
    if (next) choose(next.id);
  }

  function keys(event) {
    const moves = { ArrowLeft: -1, ArrowRight: 1 };
    if (event.key in moves) step(moves[event.key]);
    else if (event.key === 'Enter' && event.target === stage) enlarge();
    else return;
    event.preventDefault();
  }

  function enlarge() {
    const image = current();
    if (image) openLightbox(images, images.indexOf(image), { tab: () => form, removed: forget, moved: (id) => choose(id), larger });
  }

  function forget(id) {
    removed.add(id);
    if (chosen === id) chosen = null;
    redraw();
  }

  function redraw() {
    draw(last);
  }

  /** Interrupt and Skip belong to the form; they work only while one of the tab's jobs runs. */
  function buttons(running) {
    for (const name of ['interrupt', 'skip']) {
      const each = document.getElementById(`${tab}_${name}`);
      if (each) each.disabled = !running;
    }
    document.getElementById(`${tab}_generate_box`)?.classList.toggle('aq-is-running', running);
  }

  return {
    update() {
      chosen = null;
      poke();
      const { top, bottom } = stage.getBoundingClientRect();
      if (bottom < 80 || top > innerHeight - 80) stage.scrollIntoView({ behavior: 'smooth', block: 'center' });
    },
  };
}

/** All finished pictures, those of the newest job first. */
const finished = (jobs) => jobs.flatMap((job) => job.images ?? []);
const byPlace = (one, other) => (one.place ?? 0) - (other.place ?? 0);
const promptOf = (image) => (image?.infotext ?? '').split('\n')[0].slice(0, 120) || 'Picture';
