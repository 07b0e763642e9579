// Habits of the prompt box: Ctrl+Enter generates, Ctrl+Up and Ctrl+Down change the weight of the words under the cursor.

const STEP = 0.1;
const BRACKETED = /^\((.*):(\d+(?:\.\d+)?)\)$/s;

/** Handles the keys of every prompt box of the page. */
export function promptKeys(generate) {
  document.addEventListener('keydown', (event) => {
    if (!(event.ctrlKey || event.metaKey)) return;
    const box = event.target.closest?.('.aq-prompt textarea');
    if (event.key === 'Enter' && event.target.closest?.('#tab_txt2img, #tab_img2img, #tab_inpaint')) {
      event.preventDefault();
      event.stopPropagation();
      generate();
    } else if (box && (event.key === 'ArrowUp' || event.key === 'ArrowDown')) {
      event.preventDefault();
      weigh(box, event.key === 'ArrowUp' ? STEP : -STEP);
    }
  }, true);
}

/** Adds `by` to the weight of the selection, or of the word under the cursor. */
export function weigh(box, by) {
  const [from, to] = span(box);
  if (from === to) return;
  const [text, replaced] = weighed(box.value.slice(from, to), by);
  box.setSelectionRange(from, to);
  insert(box, replaced);
  const start = from + (replaced === text ? 0 : 1);
  box.setSelectionRange(start, start + text.length);
}

/** [the words, the words with their new weight]; weight 1 needs no brackets. */
export function weighed(chosen, by) {
  const found = BRACKETED.exec(chosen);
  const text = found ? found[1] : chosen;
  const weight = Math.max(0, Math.round(((found ? Number(found[2]) : 1) + by) * 100) / 100);
  return [text, weight === 1 ? text : `(${text}:${weight})`];
}

/** Where the selection is, grown to the word under the cursor and to a weight around it. */
function span(box) {
  const text = box.value;
  let [from, to] = [box.selectionStart, box.selectionEnd];
  if (from === to) {
    while (from > 0 && /[^\s,()[\]:]/.test(text[from - 1])) from -= 1;
    while (to < text.length && /[^\s,()[\]:]/.test(text[to])) to += 1;
  }
  while (to > from && /\s/.test(text[to - 1])) to -= 1;
  while (to > from && /\s/.test(text[from])) from += 1;
  const after = /^:\d+(?:\.\d+)?\)/.exec(text.slice(to));
  if (after && text[from - 1] === '(') return [from - 1, to + after[0].length];
  return [from, to];
}

/** Types text in place of the selection, so that the browser's own undo knows of it and Gradio hears of it. */
export function insert(box, text) {
  box.focus();
  if (document.execCommand(text ? 'insertText' : 'delete', false, text)) return;
  box.setRangeText(text);
  box.dispatchEvent(new Event('input', { bubbles: true }));
}
