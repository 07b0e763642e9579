// Pictures coming in: dropped, pasted, or chosen from a file dialog.

import { h } from './dom.js';

const TYPES = 'image/png,image/jpeg,image/webp,image/gif,image/bmp,image/avif';

/** The first picture among dropped or pasted things, or null. */
export function pictureIn(transfer) {
  return [...(transfer?.files ?? [])].find((file) => file.type.startsWith('image/')) ?? null;
}

/**
 * Makes `zone` accept pictures: `take(file)` gets them. Returns `choose()`, which opens the file dialog.
 * Pasting works while the zone, or something in it, has the focus or the pointer.
 */
export function acceptPictures(zone, take) {
  const input = h('input', { type: 'file', accept: TYPES, hidden: true, class: 'aq-file' });
  input.addEventListener('change', () => {
    if (input.files[0]) take(input.files[0]);
    input.value = '';
  });
  zone.append(input);
  zone.addEventListener('dragover', (event) => {
    if (![...event.dataTransfer.types].includes('Files')) return;
    event.preventDefault();
    zone.classList.add('aq-over');
  });
  zone.addEventListener('dragleave', (event) => {
    if (!zone.contains(event.relatedTarget)) zone.classList.remove('aq-over');
  });
  zone.addEventListener('drop', (event) => {
    zone.classList.remove('aq-over');
    const file = pictureIn(event.dataTransfer);
    if (!file) return;
    event.preventDefault();
    event.stopPropagation();
    take(file);
  });
  document.addEventListener('paste', (event) => {
    const file = pictureIn(event.clipboardData);
    if (!file || zone.offsetParent === null || !zone.matches(':hover, :focus-within')) return;
    event.preventDefault();
    take(file);
  });
  return () => input.click();
}
