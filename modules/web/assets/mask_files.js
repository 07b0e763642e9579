// Masks as files: one loaded from the disk, one saved there.

import { h } from './dom.js';
import { toast } from './toast.js';

/** Opens a file dialog; `take(file)` gets what is chosen. */
export function loadMask(take) {
  const input = h('input', { type: 'file', accept: 'image/*', hidden: true, class: 'aq-mask-file' });
  document.querySelectorAll('.aq-mask-file').forEach((old) => old.remove());
  input.addEventListener('change', () => {
    if (input.files[0]) take(input.files[0]);
    input.remove();
  });
  document.body.append(input);
  input.click();
}

/** Saves the mask of a painting as a PNG: white is what may change. */
export async function saveMask(painting) {
  const png = await painting?.mask();
  if (!png) return toast('Nothing is masked yet.');
  const link = h('a', { href: URL.createObjectURL(png), download: 'mask.png' });
  document.body.append(link);
  link.click();
  link.remove();
  return setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
