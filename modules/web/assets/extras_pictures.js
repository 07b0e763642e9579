// The pictures of Extras: one or many, shown, added to, removed. Its value is a list of uploads with what is written in them.

import { pngInfo, upload, uploadAddress } from './api.js';
import { registerPicture } from './bridge.js';
import { button, fill, h, icon } from './dom.js';
import { acceptPictures } from './intake.js';
import { orToast, toast } from './toast.js';

const MOST = 1000;

export function mount(element, { props }) {
  let sending = Promise.resolve();
  let pictures = [];
  let adding = false;

  const invitation = h(
    'button',
    { type: 'button', class: 'aq-invitation', onclick: () => choose() },
    icon('image'),
    h('span', {}, 'Drop pictures here, paste one, or click to choose'),
    h('span', { class: 'aq-soft' }, 'One or many'),
  );
  const frame = h('div', { class: 'aq-frame' });
  const note = h('span', { class: 'aq-size-note', role: 'status' });
  const add = () => {
    adding = true;
    choose();
  };
  const tools = h(
    'div',
    { class: 'aq-canvas-tools', role: 'toolbar', 'aria-label': 'Pictures' },
    note,
    h('span', { class: 'aq-spring' }),
    button('plus', 'Add', add, { title: 'Add more pictures' }),
    button('upload', 'Replace', () => choose()),
    button('trash', 'Remove', () => set([])),
  );
  const zone = h('div', { class: 'aq-intake', tabIndex: -1 }, invitation, frame, tools);
  const choose = acceptPictures(zone, take, { many: true, around: () => element.closest('#tab_extras') });
  fill(element, zone);
  registerPicture('extras', () => sending.then(() => pictures));
  draw(props.value);

  /** New pictures take the place of the old ones, but for those of "Add". */
  function take(files) {
    const before = adding ? pictures : [];
    adding = false;
    if (before.length + files.length > MOST) toast(`At most ${MOST} pictures at once: the rest is left out.`);
    zone.classList.add('aq-sending');
    sending = orToast(() => send(files.slice(0, MOST - before.length), before)).finally(() => zone.classList.remove('aq-sending'));
  }

  async function send(files, before) {
    const sent = [...before];
    for (const file of files) {
      if (files.length > 1) note.textContent = `Sending ${sent.length - before.length + 1} of ${files.length}`;
      const picture = await orToast(async () => ({ ...(await upload(file)), name: file.name, infotext: (await pngInfo(file)).infotext ?? '' }));
      if (picture) sent.push(picture);
    }
    set(sent);
  }

  function set(value) {
    props.value = value;
    draw(value);
  }

  function draw(value) {
    pictures = Array.isArray(value) ? value : [];
    const [only] = pictures;
    zone.classList.toggle('aq-has-picture', Boolean(only));
    note.textContent = pictures.length > 1 ? `${pictures.length} pictures` : only ? `${only.width} × ${only.height}` : '';
    if (pictures.length > 1) fill(frame, h('div', { class: 'aq-many' }, pictures.map(tile)));
    else fill(frame, only && shown(only));
  }

  function tile(picture) {
    const label = `Remove ${picture.name || 'this picture'}`;
    return h(
      'div',
      { class: 'aq-many-one', title: `${picture.name ?? ''} ${picture.width} × ${picture.height}` },
      shown(picture),
      button('close', label, () => set(pictures.filter((each) => each !== picture)), { bare: true }),
    );
  }

  function shown(picture) {
    const gone = () => {
      if (!pictures.includes(picture)) return;
      toast('A picture of this form is not kept any more; choose it again.');
      set(pictures.filter((each) => each !== picture));
    };
    return h('img', { src: uploadAddress(picture.id), alt: picture.name || 'The picture to enlarge', loading: 'lazy', onerror: gone });
  }

  return { update: draw };
}
