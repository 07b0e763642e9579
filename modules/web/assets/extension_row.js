// One extension in the list: a line with its switch, and, opened, all that is known of it and can be done with it.

import { confirmed } from './dialog.js';
import { button, fill, h, icon, say } from './dom.js';
import { listOf } from './extension_report.js';
import { orToast } from './toast.js';

const STATES = { on: 'on', off: 'off', 'set aside': 'set aside after faults', changed: 'changed since it was approved', 'held back': 'held back' };

/** {element, update(row, mayChange)}; `tools` are {act, begin, show}. */
export function extensionRow({ act, begin }) {
  let row = null;
  let scan = null;
  const toggle = h('input', { type: 'checkbox', role: 'switch', class: 'aq-switch', onchange: () => act(toggle.checked ? 'on' : 'off', { name: row.name }) });
  const title = h('span', { class: 'aq-extension-name' });
  const version = h('span', { class: 'aq-soft' });
  const status = h('span', { class: 'aq-extension-state' });
  const time = h('span', { class: 'aq-soft aq-number' });
  const opened = h('div', { class: 'aq-extension-more', hidden: true });
  const arrow = icon('down');
  const line = h('button', { type: 'button', class: 'aq-extension-line', 'aria-expanded': 'false', onclick: open }, title, version, status, time, arrow);
  const approval = button('play', 'Approve', () => act('approve', { name: row.name }), { class: 'aq-extension-approve', hidden: true });
  const element = h('li', { class: 'aq-extension' }, h('label', { class: 'aq-switch-place' }, toggle), line, approval, opened);

  function update(news, mayChange) {
    row = { ...news, mayChange };
    element.dataset.state = row.state;
    element.dataset.name = row.name;
    toggle.checked = !['off', 'set aside'].includes(row.state);
    toggle.disabled = !mayChange;
    toggle.setAttribute('aria-label', `${row.name} on`);
    say(title, row.name);
    say(version, row.builtin ? 'comes with Aquatint' : row.commit || (row.by_hand ? 'put there by hand' : `from a ${row.source}`));
    const spent = Object.values(row.seconds).reduce((sum, each) => sum + each, 0);
    say(time, spent ? `${spent.toFixed(spent < 10 ? 2 : 0)} s` : '');
    time.title = 'Time spent in its code since the start';
    say(status, row.waits && row.state !== 'changed' ? 'after a restart' : row.state === 'held back' ? row.why : row.state === 'on' && row.faults ? `${row.faults} ${row.faults === 1 ? 'fault' : 'faults'}` : STATES[row.state]);
    status.dataset.tone = row.waits && row.state !== 'changed' ? 'waits' : row.faults && row.state === 'on' ? 'bad' : row.state;
    approval.hidden = row.state !== 'changed' || !mayChange;
    if (!opened.hidden) draw();
  }

  async function open() {
    opened.hidden = !opened.hidden;
    line.setAttribute('aria-expanded', String(!opened.hidden));
    if (opened.hidden) return;
    draw();
    if (!row.mayChange || scan) return;
    scan = await orToast(() => act('scan', { name: row.name }));
    draw();
  }

  function draw() {
    const facts = [
      ['From', row.origin],
      ['Version', [row.commit, row.branch, row.date ? new Date(row.date * 1000).toLocaleDateString() : ''].filter(Boolean).join(' · ')],
      ['Packages', Object.entries(row.packages).map(([name, number]) => `${name} ${number}`).join(', ')],
      ['Takes part in', scan?.hooks.join(', ')],
      ['Time since the start', Object.entries(row.seconds).slice(0, 8).map(([hook, seconds]) => `${hook} ${seconds.toFixed(2)} s`).join(', ')],
    ].filter(([, text]) => text);
    fill(
      opened,
      row.state === 'held back' && row.why ? h('p', { class: 'aq-bad' }, `It is not loaded: ${row.why}.`) : null,
      row.changed?.length ? changedNote() : null,
      row.last_error ? faultNote() : null,
      h('dl', { class: 'aq-facts' }, facts.flatMap(([name, text]) => [h('dt', {}, name), h('dd', {}, text)])),
      scan ? listOf('Good to know', scan.notes) : null,
      row.mayChange ? buttons() : null,
    );
  }

  function changedNote() {
    const said = 'These programs are not what was installed, so it is not loaded. If that was you, by a git pull for instance, approve them and restart.';
    return h('div', { class: 'aq-bad' }, h('p', {}, said), listOf('', row.changed));
  }

  function faultNote() {
    const aside = row.state === 'set aside';
    const again = aside ? button('play', 'Turn it on again', () => act('on', { name: row.name })) : null;
    const trace = row.traceback ? h('details', {}, h('summary', {}, 'Where it happened'), h('pre', {}, row.traceback)) : null;
    return h('div', { class: 'aq-bad' }, h('p', {}, `${aside ? 'Set aside. ' : ''}Last fault: ${row.last_error}`), trace, again);
  }

  function buttons() {
    const own = { name: row.name };
    return h(
      'div',
      { class: 'aq-row aq-extension-tools' },
      row.can_update ? button('refresh', 'Look for a new version', () => begin('look', own)) : null,
      row.can_roll_back ? button('undo', 'Back to the version before', rollBack) : null,
      row.wants_packages ? button('download', 'Packages', () => begin('plan', own), { title: 'What it needs; pip asks the package index' }) : null,
      Object.keys(row.packages).length ? button('eraser', 'Remove its packages', () => act('remove-packages', own)) : null,
      button('play', 'Try it', () => begin('try', own), { title: 'In a program of its own, with a picture of 64 × 64, in a folder that is thrown away' }),
      row.builtin ? null : button('trash', 'Uninstall', uninstall, { class: 'aq-danger' }),
    );
  }

  async function rollBack() {
    if (await confirmed(`Put ${row.name} back?`, 'The version before takes its place. It counts after a restart.', 'Put back')) act('roll-back', { name: row.name });
  }

  async function uninstall() {
    if (await confirmed(`Uninstall ${row.name}?`, 'It goes into the trash below the list and can be put back from there.', 'Uninstall')) act('uninstall', { name: row.name });
  }

  return { element, update };
}
