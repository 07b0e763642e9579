// Reports on an extension: what its sources say, what its packages come to, how its trial went, what an update brings.

import { button, h } from './dom.js';

const VERDICTS = { works: 'Works here', shimmed: 'Works here, translated', cannot: 'Cannot work here' };
const FOLDED_FROM = 6;

/** A list under a heading, folded when it is long; null when it is empty. */
export function listOf(heading, texts) {
  if (!texts?.length) return null;
  const list = h('ul', {}, texts.map((text) => h('li', {}, text)));
  if (!heading) return list;
  if (texts.length < FOLDED_FROM) return h('div', { class: 'aq-list' }, h('h4', {}, heading), list);
  return h('details', { class: 'aq-list' }, h('summary', {}, `${heading} (${texts.length})`), list);
}

/** What was brought, and the way to install it. */
export function stagedReport(staged, { install, leave, begin }) {
  const { scan } = staged;
  const about = [staged.commit, staged.date ? new Date(staged.date * 1000).toLocaleDateString() : '', staged.origin].filter(Boolean).join(' · ');
  const cannot = scan.verdict === 'cannot';
  return card(
    h('div', { class: 'aq-row' }, h('h3', {}, staged.name), h('span', { class: 'aq-verdict-badge', 'data-verdict': scan.verdict }, VERDICTS[scan.verdict])),
    h('p', { class: 'aq-soft' }, about),
    listOf(cannot ? 'Because' : 'Translated', scan.reasons),
    scan.hooks.length ? h('p', {}, `It takes part in ${scan.hooks.join(', ')}.`) : null,
    listOf('It wants packages', [...scan.requirements, ...scan.installs]),
    listOf('Good to know', scan.notes),
    h('p', { class: 'aq-soft' }, 'An extension can do whatever you can do on this machine. Install what you trust.'),
    h('div', { class: 'aq-row' }, button('plus', cannot ? 'Install it all the same' : 'Install', () => install(staged), { class: cannot ? '' : 'aq-primary' }), button('play', 'Try it first', () => begin('try', { id: staged.id })), button('close', 'Leave it', leave)),
  );
}

/** The packages that would come, or why they cannot. */
export function planReport(plan, { begin }, leave) {
  const own = { name: plan.name };
  const again = (more) => () => begin('plan', { ...own, ...more });
  const installs = plan.installer ?? [];
  const nothing = !plan.packages.length && plan.installer === null;
  if (plan.conflict) {
    return card(
      h('h3', {}, `The packages of ${plan.name} cannot come`),
      h('p', { class: 'aq-bad' }, `${plan.conflict}.`),
      h('p', { class: 'aq-soft' }, 'Nothing was installed. Aquatint keeps the versions that it was tested with.'),
      h('div', { class: 'aq-row' }, button('skip', 'Leave out what cannot come', again({ only_new: true }), { title: 'What Aquatint has in a version of its own, what there is no package of, and extras; each is named' }), button('wand', 'Allow packages that are built here', again({ from_source: true }), { title: 'They run programs of their own while they are built' }), button('close', 'Close', leave)),
    );
  }
  return card(
    h('h3', {}, nothing ? `${plan.name} has all the packages it wants` : `Packages for ${plan.name}`),
    listOf('These would be installed, beside Aquatint’s own', plan.packages.map((each) => `${each.name} ${each.version}`)),
    plan.installer !== null ? h('p', {}, `It has an install.py, a program of its own that would run now${installs.length ? ` and asks for ${installs.join(', ')}` : '; what it asks pip for goes into the folder of this extension'}.`) : null,
    listOf('Left out', plan.left_out),
    h('div', { class: 'aq-row' }, nothing ? null : button('download', plan.packages.length ? 'Install them' : 'Run it', () => begin('packages', own), { class: 'aq-primary' }), button('close', nothing ? 'Close' : 'Not now', leave)),
  );
}

/** What an update would bring. */
export function updateReport(found, { act }, leave) {
  const update = async () => {
    await act('update', { name: found.name });
    leave();
  };
  if (!found.commits.length) return card(h('h3', {}, `${found.name} is up to date`), h('div', { class: 'aq-row' }, button('close', 'Close', leave)));
  const lines = found.commits.map((commit) => `${new Date(commit.date * 1000).toLocaleDateString()}  ${commit.subject}`);
  return card(
    h('h3', {}, `A new version of ${found.name}`),
    listOf('What changed', lines),
    h('div', { class: 'aq-row' }, button('refresh', 'Update', update, { class: 'aq-primary' }), button('close', 'Not now', leave)),
  );
}

/** How a trial went. */
export function trialReport(trial) {
  const good = trial.ended && trial.picture && !trial.faults.length;
  const verdict = trial.held ? ['shimmed', 'Was kept in'] : good ? ['works', 'Went well'] : ['cannot', 'Did not go well'];
  const times = Object.entries(trial.hooks).map(([hook, seconds]) => `${hook} ${seconds.toFixed(2)} s`);
  const made = card(
    h('div', { class: 'aq-row' }, h('h3', {}, `Trial of ${trial.name}`), h('span', { class: 'aq-verdict-badge', 'data-verdict': verdict[0] }, verdict[1])),
    h('p', {}, trial.sentence),
    listOf('Faults', trial.faults.slice(1)),
    listOf('It was kept from', trial.refused),
    times.length ? h('p', { class: 'aq-soft' }, `Time in its hooks: ${times.join(', ')}`) : null,
    trial.ended ? null : h('details', {}, h('summary', {}, 'What was said'), h('pre', {}, trial.said.join('\n'))),
  );
  made.classList.add('aq-trial');
  return made;
}

const card = (...parts) => h('section', { class: 'aq-report' }, ...parts);
