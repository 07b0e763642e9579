// The Extensions tab: what is installed, what is brought, what is at work on them, and the restart that makes it count.

import { address, ask, post } from './api.js';
import { reloadAt } from './bridge.js';
import { confirmed } from './dialog.js';
import { button, fill, h, icon, say } from './dom.js';
import { choreCard } from './extension_chore.js';
import { planReport, stagedReport, trialReport, updateReport } from './extension_report.js';
import { extensionRow } from './extension_row.js';
import { runningJob } from './live.js';
import { orToast, toast } from './toast.js';

const STARTED = {
  none: 'The server was started without extensions (--safe): none of these is loaded.',
  builtin: 'The server was started with its own extensions only (--disable-extra-extensions).',
};
const LOOKS_EVERY = 500;
const SLOWLY = 1000;
const LEFT = 'aquatint-plan-left'; // the plan that somebody has read and closed

export function mount(element) {
  let state = null;
  let polling = 0;
  const rows = new Map(); // name -> {element, update}, so that an open row stays open

  const counted = h('span', { class: 'aq-soft' });
  const restart = button('refresh', 'Apply and restart', startOver, { id: 'aquatint_extensions_restart' });
  const what = h('input', { type: 'text', class: 'aq-input', id: 'aquatint_extensions_what', placeholder: 'A git address (https), or a folder or archive on this machine', 'aria-label': 'Where the extension is', spellcheck: false });
  const look = h('button', { type: 'submit', class: 'aq-button', title: 'Its programs are read, and nothing of them runs' }, icon('search'), h('span', { class: 'aq-label' }, 'Look at it'));
  const file = h('input', { type: 'file', accept: '.zip,.tar.gz,.tgz,.tar', hidden: true, onchange: upload });
  const choose = button('upload', 'Archive', () => file.click(), { title: 'Choose a .zip or .tar.gz from your own disk' });
  const form = h('form', { class: 'aq-bring', onsubmit: bring }, what, look, choose, file);
  const why = h('p', { class: 'aq-why', hidden: true });
  const chore = choreCard();
  const report = h('div', { class: 'aq-report-place' });
  const list = h('ol', { class: 'aq-extensions-list' });
  const trash = h('details', { class: 'aq-trash', hidden: true });
  const head = h('div', { class: 'aq-row' }, h('h2', {}, 'Extensions'), counted, h('span', { class: 'aq-spring' }), button('refresh', 'Look again', load, { bare: true }), restart);
  fill(element, h('section', { class: 'aq-extensions', 'aria-label': 'Extensions' }, head, why, form, chore.element, report, list, trash));
  const tools = { act, begin, show: (made) => fill(report, made) };
  load();

  async function load() {
    const news = await orToast(() => ask('extensions'));
    if (news) draw(news);
  }

  function draw(news) {
    const first = state === null;
    state = news;
    const on = news.extensions.filter((row) => row.state === 'on').length;
    say(counted, news.extensions.length ? `${on} of ${news.extensions.length} on` : '');
    const told = news.why_not || STARTED[news.started] || '';
    why.hidden = !told;
    say(why, told);
    form.hidden = Boolean(news.why_not);
    restart.hidden = Boolean(news.why_not) || !news.restarts;
    restart.classList.toggle('aq-primary', news.waits);
    const order = [...news.extensions].sort((one, other) => one.builtin - other.builtin || one.name.localeCompare(other.name));
    for (const name of rows.keys()) if (!order.some((row) => row.name === name)) rows.delete(name);
    const drawn = order.map((row) => {
      const present = rows.get(row.name) ?? extensionRow(tools);
      rows.set(row.name, present);
      present.update(row, !news.why_not);
      return present.element;
    });
    if (!drawn.length) drawn.push(h('li', { class: 'aq-empty-row' }, 'None yet. Extensions for AUTOMATIC1111 and Forge go here.'));
    if (drawn.length !== list.children.length || drawn.some((row, at) => list.children[at] !== row)) list.replaceChildren(...drawn);
    drawTrash(news.trash);
    if (news.chore?.state === 'running') follow(news.chore);
    else if (first && news.chore?.result?.packages && sessionStorage.getItem(LEFT) !== named(news.chore)) showPlan(news.chore);
  }

  function drawTrash(kept) {
    trash.hidden = !kept.length;
    if (!kept.length) return;
    const meaning = { uninstalled: 'uninstalled', replaced: 'an older version', edited: 'files that were changed here' };
    const lines = kept.map((row) =>
      h(
        'li',
        { class: 'aq-row' },
        h('span', {}, row.name),
        h('span', { class: 'aq-soft' }, `${meaning[row.why]}, ${new Date(row.at * 1000).toLocaleString()}`),
        h('span', { class: 'aq-spring' }),
        row.why === 'edited' ? null : button('undo', 'Put back', () => act('restore', { id: row.id }), { bare: true }),
        button('trash', 'Delete for good', async () => (await confirmed(`Delete ${row.name} for good?`, 'It cannot be put back then.', 'Delete')) && act('throw-away', { id: row.id }), { bare: true, class: 'aq-danger' }),
      ),
    );
    fill(trash, h('summary', {}, `Trash (${kept.length})`), h('ul', {}, lines));
  }

  /** Something that is done at once; afterwards the list is as the server has it. */
  async function act(verb, asked) {
    const answer = await orToast(() => post(`extensions/${verb}`, asked));
    await load();
    return answer?.result;
  }

  /** Something that takes its time; its outcome is shown above the list. */
  async function begin(verb, asked) {
    const answer = await orToast(() => post(`extensions/${verb}`, asked));
    if (!answer) return;
    if (verb !== 'try') fill(report);
    report.querySelector('.aq-trial')?.remove();
    follow(answer.chore);
  }

  function bring(event) {
    event.preventDefault();
    if (what.value.trim()) begin('bring', { what: what.value });
  }

  async function upload() {
    const [chosen] = file.files;
    file.value = '';
    if (!chosen) return;
    fill(report);
    const answer = await orToast(() => ask(`extensions/upload?name=${encodeURIComponent(chosen.name)}`, { method: 'POST', body: chosen }));
    if (answer) follow(answer.chore);
  }

  function follow(news) {
    clearTimeout(polling);
    chore.show(news);
    if (news.state === 'running') polling = setTimeout(again, LOOKS_EVERY);
    else settle(news);
  }

  async function again() {
    try {
      const { chore: news } = await ask('extensions/chore');
      if (news) follow(news);
      else chore.element.hidden = true;
    } catch {
      polling = setTimeout(again, SLOWLY);
    }
  }

  async function settle(news) {
    if (news.state !== 'done') return load();
    const result = news.result ?? {};
    if (result.scan) fill(report, stagedReport(result, { ...tools, install, leave: () => (act('forget', { id: result.id }), fill(report)) }));
    else if (result.sentence) report.append(trialReport(result));
    else if (result.commits) fill(report, updateReport(result, tools, () => fill(report)));
    else if (result.packages) showPlan(news);
    await load();
  }

  function showPlan(news) {
    const leave = () => {
      sessionStorage.setItem(LEFT, named(news));
      fill(report);
    };
    fill(report, planReport(news.result, tools, leave));
  }

  async function install(staged) {
    const name = await act('install', { id: staged.id });
    if (!name) return;
    what.value = '';
    fill(report);
    toast(`${name} is installed. It is loaded after a restart.`, 'good');
    if (staged.scan.requirements.length || staged.scan.has_installer) begin('plan', { name });
  }

  async function startOver() {
    const busy = runningJob() ? ' The job that runs now begins again afterwards.' : '';
    if (!(await confirmed('Restart the server?', `It takes some seconds, and no job is lost.${busy}`, 'Restart'))) return;
    const before = await orToast(() => ask('loading'));
    if (!before || !(await orToast(() => post('extensions/restart')))) return;
    restart.disabled = true;
    for (const part of [form, report, list, trash]) part.inert = true;
    clearTimeout(polling);
    chore.restarting();
    waitFor(before.server);
  }

  /** Until another server than the one before answers and is ready. */
  async function waitFor(before) {
    try {
      const news = await (await fetch(address('loading'), { cache: 'no-store' })).json();
      if (news.server !== before && (news.ready || news.failed)) return reloadAt('tab_extensions');
    } catch {
      // it is on its way
    }
    setTimeout(() => waitFor(before), LOOKS_EVERY);
  }
}

const named = (chore) => `${chore.id} ${chore.what}`;
