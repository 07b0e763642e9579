// Habits of the prompt box, A1111's: Ctrl+Up and Ctrl+Down change the weight of the words under the cursor, Alt+Left and
// Alt+Right move them; and the keys of the form: Ctrl+Enter, Alt+Enter, Escape.

const BRACKETED = /^\((.*):(\d+(?:\.\d+)?)\)$/s;
const NUMBERED = /:(-?\d+(?:\.\d+)?)>$/;
const FORMS = '#tab_txt2img, #tab_img2img, #tab_inpaint, #tab_extras';
const CLOSES_ITSELF = 'dialog, .aq-drawer, [role="listbox"], [role="menu"], [aria-expanded="true"], .aq-prompt-notes, [type="search"]';

/** By the names of the options. */
const habits = { attention: 0.1, extra: 0.05, delimiters: '.,\\/!?%^*;:{}=`~() ', move: true };

export const setHabits = (told) => Object.assign(habits, told);

/** Handles the keys of every prompt box of the page; `acts` are {generate, skip, interrupt}. */
export function promptKeys(acts) {
  document.addEventListener('keydown', (event) => {
    const ctrl = event.ctrlKey || event.metaKey;
    const box = event.target.closest?.('.aq-prompt textarea');
    const inForm = event.target.closest?.(FORMS);
    if (event.key === 'Enter' && inForm && ctrl) taken(event, acts.generate);
    else if (event.key === 'Enter' && inForm && event.altKey) taken(event, acts.skip);
    else if (box && ctrl && /^Arrow(Up|Down)$/.test(event.key)) taken(event, () => weigh(box, event.key === 'ArrowUp' ? 1 : -1));
    else if (box && event.altKey && !ctrl && habits.move && /^Arrow(Left|Right)$/.test(event.key)) taken(event, () => move(box, event.key === 'ArrowRight' ? 1 : -1));
  }, true);
  // Last of all: Escape first closes whatever is open.
  document.addEventListener('keydown', (event) => {
    const idle = event.defaultPrevented || document.querySelector('dialog[open]') || event.target.closest?.(CLOSES_ITSELF);
    if (event.key === 'Escape' && !idle) acts.interrupt();
  });
}

function taken(event, act) {
  event.preventDefault();
  event.stopPropagation();
  act();
}

/** Changes the weight of the selection, or of the word or the tag under the cursor, by so many steps. */
export function weigh(box, steps) {
  const tag = tagAround(box.value, box.selectionStart);
  if (tag) return weighTag(box, tag, steps);
  const [from, to] = span(box);
  if (from === to) return undefined;
  const [text, replaced] = weighed(box.value.slice(from, to), steps * habits.attention);
  box.setSelectionRange(from, to);
  insert(box, replaced);
  const start = from + (replaced === text ? 0 : 1);
  return box.setSelectionRange(start, start + text.length);
}

/** [the words, the words with their new weight]; weight 1 needs no brackets. */
export function weighed(chosen, by) {
  const found = BRACKETED.exec(chosen);
  const text = found ? found[1] : chosen;
  const weight = Math.max(0, rounded((found ? Number(found[2]) : 1) + by));
  return [text, weight === 1 ? text : `(${text}:${weight})`];
}

function weighTag(box, [from, to], steps) {
  const tag = box.value.slice(from, to);
  const found = NUMBERED.exec(tag);
  if (!found) return;
  const changed = `${tag.slice(0, found.index)}:${rounded(Number(found[1]) + steps * habits.extra)}>`;
  box.setSelectionRange(from, to);
  insert(box, changed);
  box.setSelectionRange(from + found.index + 1, from + changed.length - 1);
}

/** Puts the part between commas that the cursor is in before its neighbour, or behind it. */
export function move(box, by) {
  const parts = box.value.split(',');
  let [place, start] = [0, 0];
  while (start + parts[place].length < box.selectionStart) start += parts[place++].length + 1;
  const other = place + by;
  if (other < 0 || other >= parts.length) return;
  const inside = box.selectionStart - start;
  const first = Math.min(place, other);
  const [left, right] = [parts[first], parts[first + 1]];
  const blank = (text) => /^\s*/.exec(text)[0]; // the blank stays with the place, the words move
  const swapped = [blank(left) + right.trimStart(), blank(right) + left.trimStart()];
  const from = parts.slice(0, first).reduce((sum, part) => sum + part.length + 1, 0);
  box.setSelectionRange(from, from + left.length + 1 + right.length);
  insert(box, swapped.join(','));
  const moved = by > 0 ? from + swapped[0].length + 1 : from;
  const words = by > 0 ? swapped[1] : swapped[0];
  const at = moved + Math.max(blank(words).length, Math.min(words.length, inside - blank(parts[place]).length + blank(words).length));
  box.setSelectionRange(at, at);
}

/** Where the tag in pointed brackets is that the cursor is in. */
function tagAround(text, at) {
  const from = text.lastIndexOf('<', at - 1);
  const to = text.indexOf('>', Math.max(from, at - 1));
  const inside = from >= 0 && to >= 0 && at <= to + 1 && !text.slice(from, to).includes('>') && !text.slice(from + 1, to).includes('<');
  return inside ? [from, to + 1] : null;
}

/** Where the selection is, grown to the word under the cursor and to a weight around it. */
function span(box) {
  const text = box.value;
  let [from, to] = [box.selectionStart, box.selectionEnd];
  const ofAWord = (letter) => !/[\s[\]]/.test(letter) && !habits.delimiters.includes(letter);
  if (from === to) {
    while (from > 0 && ofAWord(text[from - 1])) from -= 1;
    while (to < text.length && ofAWord(text[to])) to += 1;
  }
  while (to > from && /\s/.test(text[to - 1])) to -= 1;
  while (to > from && /\s/.test(text[from])) from += 1;
  const after = /^:\d+(?:\.\d+)?\)/.exec(text.slice(to));
  if (after && text[from - 1] === '(') return [from - 1, to + after[0].length];
  return [from, to];
}

const rounded = (number) => Math.round(number * 1000) / 1000;

/** Types text in place of the selection, so that the browser's own undo knows of it and Gradio hears of it. */
export function insert(box, text) {
  box.focus();
  if (document.execCommand(text ? 'insertText' : 'delete', false, text)) return;
  box.setRangeText(text);
  box.dispatchEvent(new Event('input', { bubbles: true }));
}
