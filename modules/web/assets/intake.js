// Pictures coming in: dropped, pasted, or chosen from a file dialog.

import { h } from './dom.js';

const TYPES = 'image/png,image/jpeg,image/webp,image/gif,image/bmp,image/avif';

/** All pictures among dropped or pasted things. */
export const picturesIn = (transfer) => [...(transfer?.files ?? [])].filter((file) => file.type.startsWith('image/'));

/** The first picture among dropped or pasted things, or null. */
export const pictureIn = (transfer) => picturesIn(transfer)[0] ?? null;

/**
 * Makes `zone` accept pictures: `take(file, how)` gets them, `how` being "chosen", "dropped" or "pasted"; with `many`,
 * `take(files, how)`. Returns `choose()`, which opens the
 * file dialog. Pasting works while the zone, or something in it, has the focus or the pointer. `around` gives an element
 * that takes drops and pastes too.
 */
export function acceptPictures(zone, take, { many = false, around = () => null } = {}) {
  const given = (files, how) => take(many ? files : files[0], how);
  const input = h('input', { type: 'file', accept: TYPES, hidden: true, multiple: many, class: 'aq-file' });
  input.addEventListener('change', () => {
    if (input.files[0]) given([...input.files], 'chosen');
    setTimeout(() => (input.value = '')); // others that listen here read the files too
  });
  zone.append(input);
  const dragged = (event) => {
    if (![...event.dataTransfer.types].includes('Files')) return;
    event.preventDefault();
    zone.classList.add('aq-over');
  };
  const left = (event) => {
    if (!event.currentTarget.contains(event.relatedTarget)) zone.classList.remove('aq-over');
  };
  const dropped = (event) => {
    zone.classList.remove('aq-over');
    const files = picturesIn(event.dataTransfer);
    if (!files.length) return;
    event.preventDefault();
    event.stopPropagation();
    given(files, 'dropped');
  };
  const heard = { dragover: dragged, dragleave: left, drop: dropped };
  const wide = around() ?? zone;
  for (const [name, hear] of Object.entries(heard)) wide.addEventListener(name, hear);
  document.addEventListener('paste', (event) => {
    const files = picturesIn(event.clipboardData);
    const here = zone.matches(':hover, :focus-within') || wide !== zone;
    if (!files.length || zone.offsetParent === null || !here) return;
    event.preventDefault();
    given(files, 'pasted');
  });
  return () => input.click();
}
