// What can be done with a finished picture, in the results, the lightbox and the gallery alike.

import { ask, imageAddress, imageBlob, upload } from './api.js';
import { fillForm } from './bridge.js';
import { button } from './dom.js';
import { confirmed } from './dialog.js';
import { orToast, toast } from './toast.js';

/** Buttons for the picture that `current()` gives; `context` is {tab(), removed(id), larger?(image), row?}.
 *
 * `row` gives each the id that A1111 has for it in the results of that tab: scripts of extensions look for them.
 */
export function actionButtons(current, context) {
  const act = (work) => () => {
    const image = current();
    if (image) orToast(() => work(image, context));
  };
  const { row } = context;
  const sends = (tab, icon, label, title) =>
    button(icon, label, act((image) => sendTo(tab, image)), { title, id: row && `${row}_send_to_${tab}` });
  return [
    button('download', 'Save', act(save), { id: row && `save_${row}` }),
    sends('img2img', 'image', 'To img2img', 'Send to img2img'),
    sends('inpaint', 'brush', 'To inpaint', 'Send to inpaint'),
    sends('extras', 'fit', 'To Extras', 'Send to Extras, to make it larger'),
    context.larger && button('wand', 'Hires fix', act(context.larger), { title: 'Paint it once more, larger, with the hires settings of the form', id: row && `${row}_upscale` }),
    button('recycle', 'Reuse seed', act(reuseSeed), { title: 'Use the seed of this picture again' }),
    button('sliders', 'Reuse all', act(reuseAll), { title: 'Use all parameters of this picture again' }),
    button('trash', 'Delete', act(remove), { class: 'aq-danger', bare: true }),
  ];
}

function save(image) {
  const link = document.createElement('a');
  link.href = imageAddress(image.id, '?download=1');
  link.download = '';
  document.body.append(link);
  link.click();
  link.remove();
}

/** Makes the picture the input of another tab, with its parameters. */
export async function sendTo(tab, image) {
  const picture = await upload(await imageBlob(image.id));
  fillForm(tab, { infotext: image.infotext, picture });
  toast(`Sent to ${tab === 'extras' ? 'Extras' : tab}`, 'good');
}

function reuseSeed(image, context) {
  fillForm(context.tab(), { seed: image.seed });
  toast(`Seed ${image.seed}`, 'good');
}

function reuseAll(image, context) {
  fillForm(context.tab(), { infotext: image.infotext });
  toast('Parameters filled in', 'good');
}

async function remove(image, context) {
  if (!(await confirmed('Delete this picture?', 'Its file is deleted from the disk.', 'Delete'))) return;
  await ask(`images/${encodeURIComponent(image.id)}`, { method: 'DELETE' });
  context.removed(image.id);
  toast('Deleted');
}
