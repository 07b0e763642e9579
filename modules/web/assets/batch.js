// Many pictures at once: chosen, sent, and made one job each with the present form. Its value is {jobs: [ids]}.

import { pngInfo, post, upload } from './api.js';
import { button, fill, h, say } from './dom.js';
import { isActive, poke, watch } from './live.js';
import { orToast, toast } from './toast.js';

const MOST = 1000;
const isPicture = (file) => file.type.startsWith('image/');
const stem = (file) => file.name.replace(/\.[^.]*$/, '').toLowerCase();
const count = (number) => (number === 1 ? '1 picture' : `${number} pictures`);

export function mount(element, { tab, masks, props, trigger }) {
  const kept = `aquatint-batch-${tab}`;
  let pictures = [];
  let maskFiles = [];
  let jobs = recall();
  let failed = new Set();
  let reached = 0;
  let busy = false;

  const inputs = { files: fileInput(false, choose), folder: fileInput(true, choose), masks: fileInput(false, chooseMasks), maskFolder: fileInput(true, chooseMasks) };
  const read = h('input', { type: 'checkbox', class: 'aq-batch-read' });
  const note = h('span', { class: 'aq-soft aq-batch-note' });
  const start = button('play', 'Generate all', () => orToast(begin), { class: 'aq-batch-start' });
  const forget = button('close', 'Forget these pictures', clear, { bare: true });
  const progress = h('span', { class: 'aq-batch-progress', role: 'status' });
  const stop = button('stop', 'Stop the rest', () => orToast(cancel), { bare: true });
  const line = h('div', { class: 'aq-batch-row aq-batch-line', hidden: true }, progress, stop);
  fill(
    element,
    h(
      'div',
      { class: 'aq-batch' },
      h(
        'div',
        { class: 'aq-batch-row' },
        button('image', 'Choose pictures', () => inputs.files.click()),
        button('copy', 'Choose a folder', () => inputs.folder.click()),
        masks && button('brush', 'Masks', () => inputs.masks.click(), { title: 'Masks for them, by equal names' }),
        masks && button('copy', 'A folder of masks', () => inputs.maskFolder.click()),
      ),
      h('div', { class: 'aq-batch-row' }, note, forget),
      h('label', { class: 'aq-batch-row' }, read, h('span', {}, 'Use the parameters that are in each picture')),
      h('div', { class: 'aq-batch-row' }, start),
      line,
      Object.values(inputs),
    ),
  );
  watch(follow);
  draw();

  function fileInput(folder, take) {
    const input = h('input', { type: 'file', hidden: true, multiple: true, accept: folder ? null : 'image/*' });
    input.className = `aq-batch-file${folder ? ' aq-batch-folder' : ''}`;
    input.webkitdirectory = folder;
    input.addEventListener('change', () => {
      take([...input.files].filter(isPicture).sort((one, other) => one.name.localeCompare(other.name, undefined, { numeric: true })));
      input.value = '';
    });
    return input;
  }

  function choose(files) {
    if (!files.length) toast('There are no pictures among those files.');
    if (files.length > MOST) toast(`At most ${MOST} pictures at once: the rest is left out.`);
    pictures = files.slice(0, MOST);
    draw();
  }

  function chooseMasks(files) {
    maskFiles = files;
    draw();
  }

  function clear() {
    pictures = [];
    maskFiles = [];
    draw();
  }

  function draw(told = '') {
    const byName = maskFor();
    const own = pictures.filter((file) => byName.has(stem(file))).length;
    const without = pictures.length - own;
    const about = masks && maskFiles.length ? `, ${own} with a mask of the same name${without ? `; the other ${without} use the painted mask` : ''}` : '';
    const rest = masks && !maskFiles.length ? ', with the painted mask' : '';
    say(note, told || (pictures.length ? count(pictures.length) + about + rest : 'Each becomes a job with the form as it is now.'));
    forget.hidden = !pictures.length || busy;
    start.disabled = !pictures.length || busy;
  }

  function maskFor() {
    return new Map(maskFiles.map((file) => [stem(file), file]));
  }

  /** Sends the pictures, then asks for all of them at once. */
  async function begin() {
    busy = true;
    try {
      const byName = maskFor();
      const sent = [];
      for (const file of pictures) {
        draw(`Sending ${sent.length + 1} of ${pictures.length}`);
        sent.push(await send(file, byName.get(stem(file))));
      }
      trigger('ask_for_all', { pictures: sent, read: read.checked });
    } finally {
      busy = false;
      draw();
    }
  }

  async function send(file, mask) {
    try {
      const { id } = await upload(file);
      const infotext = read.checked ? (await pngInfo(file)).infotext : '';
      return { id, name: file.name, mask: mask ? (await upload(mask)).id : null, infotext };
    } catch (error) {
      throw new Error(`${file.name}: ${error.message}`);
    }
  }

  // What becomes of them

  function update(value) {
    if (!value?.jobs?.length) return;
    jobs = value.jobs;
    failed = new Set();
    reached = 0;
    remember();
    poke();
    say(progress, `0 of ${jobs.length} done`);
    line.hidden = false;
    stop.hidden = false;
  }

  /** The server lists few of many jobs, in their order: all before the first that is active have ended. */
  function follow(state) {
    if (!jobs.length || !state.known) return;
    const places = new Map(jobs.map((id, place) => [id, place]));
    const mine = state.jobs.filter((job) => places.has(job.id));
    for (const job of mine) if (!isActive(job) && job.state !== 'done') failed.add(job.id);
    const active = mine.filter(isActive).map((job) => places.get(job.id));
    if (!active.length && !mine.length && !reached) return;
    reached = active.length ? Math.min(...active) : jobs.length;
    const ended = !active.length;
    const wrong = failed.size ? `, ${failed.size} of them without a picture` : '';
    say(progress, `${reached} of ${jobs.length} done${wrong}`);
    line.hidden = false;
    stop.hidden = ended;
    if (ended) forgetJobs();
  }

  async function cancel() {
    const rest = jobs.slice(reached).reverse();
    for (const id of rest) await post(`jobs/${id}/cancel`).catch(() => null); // one that has ended cannot be
    poke();
  }

  // The jobs go on while the page is reloaded, and so does the line.

  function remember() {
    try {
      sessionStorage.setItem(kept, JSON.stringify(jobs));
    } catch {
      // Then the line is gone after a reload; the jobs are not.
    }
  }

  function recall() {
    try {
      return JSON.parse(sessionStorage.getItem(kept)) ?? [];
    } catch {
      return [];
    }
  }

  function forgetJobs() {
    jobs = [];
    sessionStorage.removeItem(kept);
  }

  return { update };
}
