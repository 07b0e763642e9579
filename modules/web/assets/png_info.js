// PNG Info: what is written in a picture's file, shown and sent on.

import { pngInfo, upload } from './api.js';
import { fillForm } from './bridge.js';
import { showDetails } from './details.js';
import { button, fill, h, icon } from './dom.js';
import { acceptPictures } from './intake.js';
import { orToast, toast } from './toast.js';
import { verifier, verifyFile } from './verify.js';

export function mount(element) {
  let file = null;
  let infotext = '';

  const picture = h('img', { alt: 'The picture that was dropped' });
  const invitation = h(
    'button',
    { type: 'button', class: 'aq-invitation', onclick: () => choose() },
    icon('image'),
    h('span', {}, 'Drop a picture here, paste one, or click to choose'),
    h('span', { class: 'aq-soft' }, 'PNG, JPEG and WebP tell how they were made'),
  );
  const zone = h('div', { class: 'aq-intake aq-intake-tall', id: 'pnginfo_image', tabIndex: -1 }, invitation, h('div', { class: 'aq-frame' }, picture), h('div', { class: 'aq-canvas-tools' }, h('span', { class: 'aq-spring' }), button('upload', 'Another', () => choose())));
  const choose = acceptPictures(zone, take);
  const details = h('div', { class: 'aq-details', id: 'pnginfo_details', 'aria-live': 'polite' });
  const verify = verifier(() => verifyFile(file));
  const actions = h(
    'div',
    { class: 'aq-actions-row' },
    button('sliders', 'To txt2img', () => fillForm('txt2img', { infotext }), { id: 'txt2img_tab' }), // as A1111 names them
    button('image', 'To img2img', () => send('img2img'), { id: 'img2img_tab' }),
    button('brush', 'To inpaint', () => send('inpaint'), { id: 'inpaint_tab' }),
    button('fit', 'To Extras', () => send('extras'), { id: 'extras_tab' }),
  );
  fill(element, h('section', { class: 'aq-png-info', 'aria-label': 'PNG Info' }, zone, h('div', {}, actions, details, verify.element)));
  draw();

  async function take(chosen) {
    const info = await orToast(() => pngInfo(chosen));
    if (!info) return;
    URL.revokeObjectURL(picture.src);
    picture.src = URL.createObjectURL(chosen);
    file = chosen;
    infotext = info.infotext ?? '';
    draw();
  }

  function draw() {
    zone.classList.toggle('aq-has-picture', Boolean(file));
    const [words, ...pictures] = actions.children;
    words.disabled = !infotext;
    for (const each of pictures) each.disabled = !file;
    verify.reset(Boolean(file));
    if (infotext) showDetails(details, infotext);
    else fill(details, h('p', { class: 'aq-soft' }, file ? 'No generation parameters are written in this file.' : 'The parameters appear here.'));
  }

  function send(tab) {
    return orToast(async () => {
      fillForm(tab, { infotext, picture: await upload(file) });
      toast(`Sent to ${tab}`, 'good');
    });
  }
}
