// The picture of img2img: shown, replaced, removed. Its value is {id, width, height} of an upload, or null.

import { upload, uploadAddress } from './api.js';
import { registerPicture } from './bridge.js';
import { button, fill, h, icon } from './dom.js';
import { acceptPictures } from './intake.js';
import { orToast, toast } from './toast.js';

export function mount(element, { tab, props }) {
  let sending = Promise.resolve();
  const picture = h('img', { alt: 'The picture to start from', onerror: gone });
  const size = h('span', { class: 'aq-size-note' });
  const invitation = h(
    'button',
    { type: 'button', class: 'aq-invitation', onclick: () => choose() },
    icon('image'),
    h('span', {}, 'Drop a picture here, paste one, or click to choose'),
  );
  const tools = h(
    'div',
    { class: 'aq-canvas-tools', role: 'toolbar', 'aria-label': 'Picture' },
    size,
    h('span', { class: 'aq-spring' }),
    button('upload', 'Replace', () => choose()),
    button('trash', 'Remove', () => set(null)),
  );
  const frame = h('div', { class: 'aq-frame' }, picture);
  const zone = h('div', { class: 'aq-intake', tabIndex: -1 }, invitation, frame, tools);
  const choose = acceptPictures(zone, take);
  fill(element, zone);
  registerPicture(tab, () => sending.then(() => props.value ?? null));
  draw(props.value);

  function take(file) {
    zone.classList.add('aq-sending');
    sending = orToast(async () => set(await upload(file))).finally(() => zone.classList.remove('aq-sending'));
  }

  function set(value) {
    props.value = value;
    draw(value);
  }

  function draw(value) {
    zone.classList.toggle('aq-has-picture', Boolean(value));
    size.textContent = value ? `${value.width} × ${value.height}` : '';
    if (value) picture.src = uploadAddress(value.id);
    else picture.removeAttribute('src');
  }

  function gone() {
    if (!props.value) return;
    toast('The picture of this form is not kept any more; choose it again.');
    set(null);
  }

  return { update: draw };
}
