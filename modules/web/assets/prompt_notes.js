// What is odd about a prompt: one quiet line beside its label, where it moves nothing; all of it in a list on demand.

import { fill, h, icon, say } from './dom.js';
import { insert } from './prompt.js';

export function mount(element, { props, about = '' }) {
  const message = h('button', { type: 'button', class: 'aq-link aq-notes-first', 'aria-expanded': 'false', onclick: toggle }, icon('warning'), h('span'));
  const more = h('span', { class: 'aq-notes-more' });
  const mend = h('button', { type: 'button', class: 'aq-link aq-notes-fix', onclick: () => apply(problems[0]) }, 'Fix');
  const line = h('div', { class: 'aq-notes-line', role: 'status' }, message, mend);
  const list = h('ul', { class: 'aq-notes-list', hidden: true });
  let problems = [];
  let checked = '';
  message.append(more);
  fill(element, line, list);
  element.addEventListener('keydown', close);
  const box = () => (about ? document.querySelector(`#${about} textarea`) : element.closest('.aq-prompt-box')?.querySelector('.aq-prompt textarea'));
  document.addEventListener('input', (event) => event.target === box() && draw());
  document.addEventListener('keydown', shortcut, true);
  document.addEventListener('pointerdown', (event) => element.contains(event.target) || show(false));

  function update(value) {
    ({ of: checked, problems } = value ? JSON.parse(value) : { of: '', problems: [] });
    draw();
  }

  /** What was said of another text than the one that is there stays in sight, faintly, until the server has looked. */
  function draw() {
    const fresh = box()?.value === checked;
    const [first] = problems;
    line.hidden = !first;
    line.classList.toggle('aq-stale', !fresh);
    line.classList.toggle('aq-only-notes', Boolean(first?.is_note));
    mend.disabled = !fresh;
    if (!first) return show(false);
    say(message.querySelector('span:not(.aq-icon)'), first.text);
    say(more, problems.length > 1 ? `+${problems.length - 1}` : '');
    mend.hidden = first.fix === null;
    mend.title = `${does(first)} (Ctrl+.)`;
    message.title = first.text;
    return fill(list, problems.map(row));
  }

  function row(problem) {
    const place = h('button', { type: 'button', class: 'aq-link aq-notes-place', title: 'Show it', onclick: () => select(problem) }, problem.text);
    const fix = problem.fix !== null && h('button', { type: 'button', class: 'aq-button', onclick: () => apply(problem) }, does(problem));
    return h('li', { class: problem.is_note ? 'aq-soft' : '' }, place, fix);
  }

  function apply(problem) {
    const field = box();
    if (!problem || problem.fix === null || field?.value !== checked) return;
    const { start, end, fix } = problem;
    const moved = (caret) => (caret <= start ? caret : caret >= end ? caret + fix.length - (end - start) : start + fix.length);
    const [from, to] = [moved(field.selectionStart), moved(field.selectionEnd)];
    field.focus({ preventScroll: true });
    field.setSelectionRange(start, end);
    insert(field, fix);
    field.setSelectionRange(from, to);
    show(false);
  }

  function select({ start, end }) {
    const field = box();
    if (field?.value !== checked) return;
    field.focus();
    field.setSelectionRange(start, end);
  }

  function toggle() {
    show(list.hidden);
  }

  /** The list lies below the prompt, over what is there, so that the words it speaks of stay in sight. */
  function show(open) {
    list.hidden = !open;
    if (open) list.style.top = `${box().getBoundingClientRect().bottom - element.getBoundingClientRect().top + 6}px`;
    message.setAttribute('aria-expanded', String(open));
  }

  function close(event) {
    if (event.key !== 'Escape' || list.hidden) return;
    show(false);
    message.focus();
  }

  /** Ctrl+. mends the first problem, as in editors. */
  function shortcut(event) {
    if (event.key !== '.' || !(event.ctrlKey || event.metaKey) || event.target !== box()) return;
    event.preventDefault();
    apply(problems.find((problem) => problem.fix !== null));
  }

  update(props.value);
  return { update };
}

const does = ({ fix }) => (fix?.trim() ? `Write ${fix.trim()}` : 'Take it out');
