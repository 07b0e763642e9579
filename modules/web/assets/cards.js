// A drawer with the cards of networks: one click puts a LoRA or an embedding into the prompt, another takes it out.

import { ask } from './api.js';
import { fillForm } from './bridge.js';
import { openCard } from './card_page.js';
import { tagged, toggled, uses } from './card_words.js';
import { cardFace } from './card_face.js';
import { button, debounce, fill, h, icon, say } from './dom.js';
import { insert } from './prompt.js';
import { orToast, toast } from './toast.js';

const SEARCH_AFTER = 200;
const KINDS = [['lora', 'LoRA'], ['embedding', 'Embeddings'], ['hypernetwork', 'Hypernetworks'], ['checkpoint', 'Checkpoints']];
const EMPTY = {
  lora: 'There are no LoRAs yet. Put .safetensors files into models/Lora, then press the arrows above.',
  embedding: 'There are no embeddings yet. Put files into embeddings, then press the arrows above.',
  hypernetwork: 'There are no hypernetworks yet. Put .pt or .safetensors files into models/hypernetworks, then press the arrows above.',
  checkpoint: 'There are no checkpoints yet. Put .safetensors files into models/Stable-diffusion.',
};

let drawer = null;

/** Opens the drawer for the form of `tab`, or closes it. */
export function toggleCards(tab) {
  const same = drawer?.tab === tab;
  drawer?.close();
  if (!same) drawer = new Drawer(tab);
}

class Drawer {
  constructor(tab) {
    this.tab = tab;
    this.kind = sessionStorage.getItem('aquatint-cards') || 'lora';
    this.folder = '';
    this.next = null;
    this.faces = new Map();
    this.box = this.prompt('prompt');
    this.asked = 0;
    this.build();
    this.listen();
    this.load();
    this.words.focus({ preventScroll: true });
  }

  build() {
    this.words = h('input', { type: 'search', class: 'aq-input', placeholder: 'Name, folder or trigger word', 'aria-label': 'Search cards' });
    this.sort = h('select', { class: 'aq-input', 'aria-label': 'Sort by', onchange: () => this.load() }, ['name', 'date', 'size'].map((name) => h('option', { value: name }, `By ${name}`)));
    this.kinds = h('div', { class: 'aq-card-kinds', role: 'group', 'aria-label': 'Kind' }, KINDS.map(([kind, label]) => h('button', { type: 'button', class: 'aq-button', 'data-kind': kind, onclick: () => this.choose(kind) }, label)));
    this.folders = h('div', { class: 'aq-card-folders', role: 'group', 'aria-label': 'Folder' });
    this.grid = h('div', { class: 'aq-cards' });
    this.count = h('p', { class: 'aq-soft aq-card-count', role: 'status' });
    this.sentinel = h('div', { class: 'aq-sentinel' });
    this.list = h('div', { class: 'aq-card-list' }, this.grid, this.sentinel, this.count);
    this.element = h(
      'aside',
      { class: 'aq-drawer', 'aria-label': `Networks for ${this.tab}`, onkeydown: (event) => event.key === 'Escape' && this.close() },
      h('header', {}, this.kinds, h('div', { class: 'aq-card-search' }, h('div', { class: 'aq-search-words' }, icon('search'), this.words), this.sort), h('span', { class: 'aq-spring' }), button('refresh', 'Look for new files', () => this.load(true), { bare: true }), button('close', 'Close the networks', () => this.close(), { bare: true })),
      this.folders,
      this.list,
    );
    document.querySelector('.gradio-container').append(this.element);
  }

  listen() {
    this.stop = new AbortController();
    const { signal } = this.stop;
    this.words.addEventListener('input', debounce(() => this.load(), SEARCH_AFTER));
    const boxes = ['prompt', 'neg_prompt'].map((name) => this.prompt(name));
    for (const box of boxes) {
      box?.addEventListener('focus', () => (this.box = box), { signal });
      box?.addEventListener('input', () => this.mark(), { signal });
    }
    document.addEventListener('click', (event) => this.left(event.target.closest?.('#tabs [role=tab]')) && this.close(), { signal });
    this.watcher = new IntersectionObserver((entries) => entries.some((entry) => entry.isIntersecting) && this.more(), { root: this.list, rootMargin: '500px' });
    this.watcher.observe(this.sentinel);
  }

  close() {
    this.stop.abort();
    this.watcher.disconnect();
    this.element.remove();
    drawer = null;
    document.getElementById(`${this.tab}_extra_networks`)?.focus({ preventScroll: true });
  }

  /** Whether a click on `tab` goes to another tab than the drawer's. */
  left(tab) {
    return tab && tab.id !== `tab_${this.tab}-button`;
  }

  prompt(name) {
    return document.querySelector(`#${this.tab}_${name} textarea`);
  }

  choose(kind) {
    this.kind = kind;
    this.folder = '';
    sessionStorage.setItem('aquatint-cards', kind);
    this.load();
  }

  question(start, fresh) {
    const checkpoint = document.querySelector('#setting_sd_model_checkpoint input')?.value ?? '';
    return `v1/cards?${new URLSearchParams({ kind: this.kind, words: this.words.value, folder: this.folder, sort: this.sort.value, start, fresh, checkpoint })}`;
  }

  /** The first page; an answer that a newer question has overtaken is dropped. */
  async load(fresh = false) {
    const mine = (this.asked += 1);
    this.next = null;
    for (const each of this.kinds.children) each.setAttribute('aria-pressed', each.dataset.kind === this.kind);
    const page = await orToast(() => ask(this.question(0, fresh)));
    if (!page || mine !== this.asked) return;
    this.faces.clear();
    fill(this.grid);
    this.list.scrollTop = 0;
    this.drawFolders(page.folders);
    this.add(page);
  }

  async more() {
    if (this.next === null) return;
    const [mine, start] = [this.asked, this.next];
    this.next = null;
    const page = await orToast(() => ask(this.question(start, false)));
    if (page && mine === this.asked) this.add(page);
  }

  add(page) {
    for (const card of page.cards) this.show(card);
    this.next = page.next;
    const searched = this.words.value || this.folder;
    say(this.count, page.total ? `${page.total} ${page.total === 1 ? 'card' : 'cards'}` : searched ? 'Nothing found.' : EMPTY[this.kind]);
    this.mark();
    if (this.next !== null && this.sentinel.getBoundingClientRect().top < innerHeight + 500) this.more();
  }

  /** Draws a card, in the place of its older face if there is one. */
  show(card) {
    const face = cardFace(card, { use: () => this.use(card), open: () => openCard(card.id, this.tab, (changed) => this.changed(card, changed)) });
    const old = this.faces.get(card.id);
    if (old) old.face.replaceWith(face);
    else this.grid.append(face);
    this.faces.set(card.id, { card, face });
  }

  changed(old, changed) {
    this.show({ ...changed, misfit: old.misfit });
    this.mark();
  }

  drawFolders(folders) {
    const chip = (name, label) => h('button', { type: 'button', class: 'aq-chip-button', 'aria-pressed': String(this.folder === name), title: name || 'All folders', onclick: () => ((this.folder = name), this.load()) }, label);
    fill(this.folders, folders.length > 0 && [chip('', 'All'), ...folders.map((name) => chip(name, name))]);
  }

  /** Which cards the form uses now. */
  mark() {
    const words = [this.prompt('prompt')?.value ?? '', this.prompt('neg_prompt')?.value ?? ''];
    const checkpoint = document.querySelector('#setting_sd_model_checkpoint input')?.value ?? '';
    for (const { card, face } of this.faces.values()) {
      const used = card.kind === 'checkpoint' ? checkpoint.replace(/ \[[0-9a-f]+\]$/, '') === card.name : words.some((text) => uses(text, card));
      face.querySelector('.aq-card-use').setAttribute('aria-pressed', String(used));
    }
  }

  use(card) {
    if (card.kind === 'checkpoint') {
      fillForm(this.tab, { checkpoint: card.name });
      toast(`Checkpoint ${card.name}`, 'good');
      setTimeout(() => this.mark(), 800);
      return;
    }
    const [positive, negative] = [this.prompt('prompt'), this.prompt('neg_prompt')];
    const box = tagged(card) ? positive : [positive, negative].find((each) => uses(each.value, card)) ?? this.box;
    const taken = uses(box.value, card);
    const back = document.activeElement;
    write(box, toggled(box.value, card, card.insert));
    if (card.negative) write(negative, wordsToggled(negative.value, card.negative, taken));
    back?.focus({ preventScroll: true });
    this.mark();
  }
}

function wordsToggled(text, words, taken) {
  if (taken) return text.replace(words, '').replace(/^[\s,]+|[\s,]+$/g, '');
  return text.includes(words) ? text : [text.trim(), words].filter(Boolean).join(', ');
}

/** Sets a prompt in a way that the browser's undo knows of, and without moving the page. */
function write(box, text) {
  if (box.value === text) return;
  const top = scrollY;
  box.focus({ preventScroll: true });
  box.select();
  insert(box, text);
  scrollTo({ top, behavior: 'instant' });
}
