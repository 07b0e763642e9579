// The page of one card: what the file says of itself, and the person's own notes. Everything is set as text.

import { address, ask, post } from './api.js';
import { shownImage } from './bridge.js';
import { tagged } from './card_words.js';
import { confirmed } from './dialog.js';
import { button, h } from './dom.js';
import { orToast, toast } from './toast.js';

const FIELDS = [
  ['activation_text', 'Trigger words', 'Put into the prompt with it'],
  ['preferred_weight', 'Preferred weight', '0: the usual 1'],
  ['negative_text', 'Negative words', 'Put into the negative prompt with it'],
  ['sd_version', 'Made for', 'For example SD1 or SDXL'],
  ['description', 'Description', ''],
  ['notes', 'Notes', ''],
];
const LORA_ONLY = ['activation_text', 'preferred_weight', 'negative_text'];

/** Opens the page; `changed(card)` hears of new notes and pictures. */
export async function openCard(id, tab, changed) {
  const card = await orToast(() => ask(`v1/cards/${id}`));
  if (!card) return;
  const fields = FIELDS.filter(([name]) => tagged(card) || !LORA_ONLY.includes(name));
  const inputs = new Map(fields.map(([name, , hint]) => [name, input(name, card.notes[name], hint)]));
  const picture = h('img', { class: 'aq-card-large', alt: '', hidden: !card.picture });
  if (card.picture) picture.src = address(card.picture);
  const words = inputs.get('activation_text');
  const dialog = h(
    'dialog',
    { class: 'aq-question aq-card-page', 'aria-label': card.name, onclose: () => dialog.remove() },
    h('header', {}, h('h2', {}, card.name), button('close', 'Close', () => dialog.close(), { bare: true })),
    h('p', {}, [card.folder, size(card.size), new Date(card.changed * 1000).toLocaleDateString(), card.made_for].filter(Boolean).join(' · ')),
    card.problem && h('p', { class: 'aq-card-problem' }, card.problem),
    h(
      'div',
      { class: 'aq-card-columns' },
      h(
        'form',
        { onsubmit: (event) => (event.preventDefault(), save()) },
        picture,
        button('image', 'Use the last picture as preview', choosePicture),
        fields.map(([name, label]) => h('label', {}, h('span', {}, label), inputs.get(name))),
        h('div', { class: 'aq-row' }, h('button', { type: 'submit', class: 'aq-button aq-primary' }, 'Save notes')),
      ),
      h('div', { class: 'aq-card-facts' }, tags(), facts()),
    ),
  );
  document.body.append(dialog);
  dialog.showModal();

  function tags() {
    if (!card.tags.length) return null;
    const add = (tag) => words && (words.value = [words.value.trim(), tag].filter(Boolean).join(', '));
    const chips = card.tags.map(([tag, count]) => h('button', { type: 'button', class: 'aq-chip-button', title: words ? 'Add to the trigger words' : '', onclick: () => add(tag) }, `${tag} `, h('small', {}, String(count))));
    return h('section', {}, h('h3', {}, 'Words it was trained with'), h('div', { class: 'aq-card-tags' }, chips));
  }

  function facts() {
    const list = (rows) => h('dl', {}, rows.map(([key, value]) => h('div', {}, h('dt', {}, key), h('dd', {}, value))));
    if (!card.everything.length) return h('p', { class: 'aq-soft' }, 'The file says nothing of its training.');
    return h('section', {}, card.rows.length > 0 && [h('h3', {}, 'Training'), list(card.rows)], h('details', {}, h('summary', {}, 'Everything in its header'), list(card.everything)));
  }

  async function save() {
    const values = Object.fromEntries([...inputs].map(([name, box]) => [name, name === 'preferred_weight' ? Number(box.value) || 0 : box.value]));
    const kept = { ...card.notes, ...values };
    const told = await orToast(() => ask(`v1/cards/${id}/notes`, { method: 'PUT', body: JSON.stringify(kept) }));
    if (!told) return;
    toast('Notes saved', 'good');
    changed(told);
    dialog.close();
  }

  async function choosePicture() {
    const image = shownImage(tab);
    if (!image) return toast('Make a picture first; the one that is shown becomes the preview.');
    if (card.picture && !(await confirmed('Replace the preview?', 'The picture beside the file is written over.', 'Replace'))) return;
    const told = await orToast(() => post(`v1/cards/${id}/picture`, { image: image.id }));
    if (!told) return;
    card.picture = told.picture;
    picture.src = address(told.picture);
    picture.hidden = false;
    changed(told);
  }
}

function input(name, value, hint) {
  if (name === 'preferred_weight') return h('input', { class: 'aq-input', type: 'number', step: 'any', min: '-10', max: '10', value: String(value), title: hint });
  if (name === 'sd_version') return h('input', { class: 'aq-input', type: 'text', value, placeholder: hint });
  const box = h('textarea', { class: 'aq-input', rows: name === 'notes' ? '4' : '2', placeholder: hint });
  box.value = value;
  return box;
}

const size = (bytes) => (bytes < 1e6 ? `${Math.ceil(bytes / 1e3)} kB` : bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(2)} GB`);
