// The gallery: every picture of one's own, newest first, found by words and filters, loaded as one scrolls.

import { address, ask, thumbAddress } from './api.js';
import { button, debounce, fill, h, icon, say } from './dom.js';
import { openLightbox } from './lightbox.js';
import { watch } from './live.js';
import { orToast } from './toast.js';

const SEARCH_AFTER = 250;

export function mount(element, { samplers }) {
  let images = [];
  let cursor = null; // where the next page begins; null before the first, undefined after the last
  let loading = null;
  let newest = '';

  const words = h('input', { type: 'search', class: 'aq-input', placeholder: 'Search in prompts and parameters', 'aria-label': 'Search', id: 'aquatint_gallery_words' });
  const model = h('input', { type: 'text', class: 'aq-input', placeholder: 'Any model', 'aria-label': 'Model' });
  const sampler = h(
    'select',
    { class: 'aq-input', 'aria-label': 'Sampler' },
    h('option', { value: '' }, 'Any sampler'),
    samplers.map((name) => h('option', { value: name }, name)),
  );
  const date = h('input', { type: 'date', class: 'aq-input', 'aria-label': 'Date' });
  const form = h('form', { class: 'aq-search', role: 'search', onsubmit: (event) => event.preventDefault() }, h('div', { class: 'aq-search-words' }, icon('search'), words), model, sampler, date, button('close', 'Clear the search', clear, { bare: true }));
  const grid = h('div', { class: 'aq-grid', role: 'list' });
  const end = h('p', { class: 'aq-soft aq-end', role: 'status' });
  const sentinel = h('div', { class: 'aq-sentinel' });
  fill(element, h('section', { class: 'aq-gallery', 'aria-label': 'Gallery' }, form, grid, sentinel, end));

  const searchSoon = debounce(search, SEARCH_AFTER);
  form.addEventListener('input', searchSoon);
  new IntersectionObserver((entries) => entries.some((entry) => entry.isIntersecting) && more(), { rootMargin: '600px' }).observe(sentinel);
  watch((state) => {
    const latest = state.jobs.flatMap((job) => job.images ?? []).map((image) => image.id).join();
    if (!state.known || latest === newest) return;
    const first = newest === '';
    newest = latest;
    if (!first) refresh();
  });
  search();

  function question(before) {
    const asked = { words: words.value, model: model.value, sampler: sampler.value, date: date.value, before };
    const given = Object.entries(asked).filter(([, value]) => value !== '' && value !== null && value !== undefined);
    return `gallery?${new URLSearchParams(given)}`;
  }

  async function search() {
    images = [];
    cursor = null;
    loading = null;
    fill(grid);
    say(end, '');
    await more();
  }

  /** Loads the next page; the same page is not asked for twice at once. */
  async function more() {
    if (cursor === undefined) return images;
    const mine = (loading ??= orToast(() => ask(question(cursor))));
    const page = await mine;
    if (loading !== mine) return images;
    loading = null;
    if (!page) {
      cursor = undefined;
      return images;
    }
    const known = new Set(images.map((image) => image.id));
    const further = page.images.filter((image) => !known.has(image.id));
    images = [...images, ...further];
    cursor = page.next ?? undefined;
    grid.append(...further.map(tile));
    say(end, ending());
    if (cursor !== undefined && sentinel.getBoundingClientRect().top < innerHeight + 600 && sentinel.offsetParent) more();
    return images;
  }

  /** New pictures come to the front without disturbing who scrolls. */
  async function refresh() {
    const page = await orToast(() => ask(question(null)));
    if (!page) return;
    const known = new Set(images.map((image) => image.id));
    const fresh = page.images.filter((image) => !known.has(image.id));
    images = [...fresh, ...images];
    grid.prepend(...fresh.map(tile));
    say(end, ending());
  }

  function ending() {
    if (cursor !== undefined) return '';
    if (images.length) return images.length === 1 ? '1 picture' : `${images.length} pictures`;
    const asked = words.value || model.value || sampler.value || date.value;
    return asked ? 'Nothing found.' : 'Pictures you generate are kept here.';
  }

  function tile(image) {
    const label = (image.infotext ?? '').split('\n')[0].slice(0, 160) || 'Picture';
    const small = h('img', { src: image.thumb ? address(image.thumb) : thumbAddress(image.id), alt: label, loading: 'lazy', decoding: 'async' });
    const made = h('button', { type: 'button', class: `aq-tile ${image.grid ? 'aq-sheet' : ''}`, title: label, role: 'listitem', onclick: () => open(image.id) }, small, h('span', { class: 'aq-caption', 'aria-hidden': 'true' }, label));
    made.dataset.id = image.id;
    return made;
  }

  function open(id) {
    const context = { tab: () => 'txt2img', removed: forget, more };
    openLightbox(images, images.findIndex((image) => image.id === id), context);
  }

  function forget(id) {
    images = images.filter((image) => image.id !== id);
    grid.querySelector(`[data-id="${CSS.escape(id)}"]`)?.remove();
    say(end, ending());
  }

  function clear() {
    form.reset();
    search();
  }
}
