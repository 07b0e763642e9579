// What belongs to the page as a whole: the functions that Gradio's events call, keys, and pictures dropped anywhere.

import { pngInfo, post } from './api.js';
import { changed, connect, fillForm, newest, openForm, restored, saveNow, shownImage, TABS } from './bridge.js';
import { toggleCards } from './cards.js';
import { markFold } from './folds.js';
import { hiresSize } from './hires.js';
import { looksLikeInfotext } from './infotext.js';
import { pictureIn } from './intake.js';
import { jobsOf, poke } from './live.js';
import { promptKeys, setHabits } from './prompt.js';
import { orToast, toast } from './toast.js';

const LARGEST_SIDE = 2048;

export function mount(element, { props, trigger }) {
  connect(trigger);
  window.aquatint = { changed, failed, fillForm, hiresSize, markFold, newest, paste, pictureSize, restored: begin, shownSeed, tell, toggleCards, toggleStyles };
  promptKeys({ generate, skip: () => tell(openTab(), 'skip'), interrupt: () => tell(openTab(), 'interrupt') });
  acceptAnywhere();
  leaveListsAlone();
  document.addEventListener('visibilitychange', () => document.hidden && saveNow());
  const update = (habits) => habits && setHabits(habits);
  update(props.value);
  return { update };
}

/** The tab with a Generate button that is open, if one is. */
const openTab = () => [...TABS, 'extras'].find((tab) => document.getElementById(`tab_${tab}`)?.offsetParent);

function begin() {
  restored();
  for (const each of document.querySelectorAll('button.aq-tool')) each.title = each.textContent.trim();
}

/** Leaving a number box makes Gradio put the number within its limits, so that is done before the click. */
function generate() {
  const box = document.activeElement;
  box?.blur();
  requestAnimationFrame(() => {
    document.getElementById(`${openTab() ?? openForm()}_generate`)?.click();
    box?.focus({ preventScroll: true });
  });
}

/** An event of the form failed in a way that has no words of its own. */
function failed() {
  toast('The server did not accept that. Perhaps a number is outside of its limits.', 'problem');
}

/** Interrupts or skips the tab's running job. */
function tell(tab, word) {
  const running = jobsOf(tab).find((job) => job.state === 'running');
  if (running) orToast(() => post(`jobs/${running.id}/${word}`)).then(poke);
}

/** Fills the form from an infotext in the prompt box, else in the clipboard, else of the newest picture. */
async function paste(tab) {
  const typed = document.querySelector(`#${tab}_prompt textarea`)?.value ?? '';
  const text = looksLikeInfotext(typed) ? typed : (await clipboard()) || shownImage(tab)?.infotext || '';
  if (looksLikeInfotext(text)) fillForm(tab, { infotext: text });
  else toast('Neither the prompt nor the clipboard holds generation parameters. Paste them into the prompt first.');
}

async function clipboard() {
  try {
    const text = await navigator.clipboard.readText();
    return looksLikeInfotext(text) ? text : '';
  } catch {
    return '';
  }
}

function shownSeed(tab, present) {
  return shownImage(tab)?.seed ?? present;
}

/** The picture's size, in steps of eight, as large as the sliders allow. */
function pictureSize(picture, width, height) {
  if (!picture) return [width, height];
  const shrink = Math.min(1, LARGEST_SIDE / Math.max(picture.width, picture.height));
  return [picture.width, picture.height].map((side) => Math.max(64, Math.round((side * shrink) / 8) * 8));
}

function toggleStyles(tab) {
  const editor = document.getElementById(`${tab}_styles_editor`);
  if (editor.classList.toggle('aq-open')) editor.querySelector('input, textarea')?.focus();
}

/** Chromium stops at what scrolls, also at the open list of a dropdown, which closes then and takes the focus with it. */
function leaveListsAlone() {
  document.addEventListener('keydown', (event) => {
    if (event.key === 'Tab') for (const list of document.querySelectorAll('ul.options')) list.tabIndex = -1;
  }, true);
}

/** A picture dropped on a generating tab, but on no picture widget, fills its form from the file's parameters. */
function acceptAnywhere() {
  document.addEventListener('dragover', (event) => {
    if ([...event.dataTransfer.types].includes('Files')) event.preventDefault();
  });
  document.addEventListener('drop', async (event) => {
    const file = pictureIn(event.dataTransfer);
    if (!file) return;
    event.preventDefault();
    const tab = openForm();
    const info = await orToast(() => pngInfo(file));
    if (!info) return;
    if (!info.infotext) toast('No generation parameters are written in this file.');
    else fillForm(tab, { infotext: info.infotext });
  });
}
