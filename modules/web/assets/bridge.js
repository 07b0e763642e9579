// The way from our scripts to the form, which is Gradio's: events that page.js triggers, and the tabs.

import { debounce } from './dom.js';

export const TABS = ['txt2img', 'img2img', 'inpaint'];
const SAVE_AFTER = 700;
const COME_BACK = 'aquatint-come-back';

let trigger = null;
let ready = false;
const pictures = new Map();
const shown = new Map();
const savers = new Map();

/** `function_(event, data)` is Gradio's; until the form is restored nothing is saved over it. */
export function connect(function_) {
  trigger = function_;
}

export function restored() {
  ready = true;
  document.body.dataset.aquatint = 'ready';
  TABS.forEach(changed);
  const left = sessionStorage.getItem(COME_BACK);
  sessionStorage.removeItem(COME_BACK);
  if (left) openTab(left);
}

/** Loads the page anew and comes back to one of its tabs. */
export function reloadAt(id) {
  sessionStorage.setItem(COME_BACK, id);
  location.reload();
}

/** The form of `tab` has changed: it is saved and its tokens are counted, once, when the person pauses. */
export function changed(tab) {
  if (!ready) return;
  if (!savers.has(tab)) savers.set(tab, debounce(() => trigger(`remember_${tab}`, {}), SAVE_AFTER));
  savers.get(tab)();
}

/** Saves at once what waits to be saved: the person leaves the page, or puts the phone away. */
export function saveNow() {
  for (const saver of savers.values()) saver.now();
}

/** Fills the form of `tab` from {infotext, picture} and opens it. */
export function fillForm(tab, asked) {
  trigger(`fill_${tab}`, asked);
  openTab(`tab_${tab}`);
}

/** Tells the server's side of the page that something has happened. */
export const announce = (event) => trigger?.(event, {});

/** Shows a tab of the page by its elem_id. */
export function openTab(id) {
  const button = document.getElementById(`${id}-button`);
  button?.click();
  button?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
}

/** The generating tab that is open, or txt2img. */
export const openForm = () => TABS.find((tab) => visible(document.getElementById(`tab_${tab}`))) ?? TABS[0];

const visible = (element) => Boolean(element && element.offsetParent !== null);

/** A picture widget says how to wait for what it is still sending: `settle()` resolves to its newest value. */
export const registerPicture = (tab, settle) => pictures.set(tab, settle);

/** The values of the form with the picture at `index` as it is now. */
export async function newest(tab, index, values) {
  const settle = pictures.get(tab);
  if (!settle || index < 0) return values;
  const value = await settle();
  return values.map((old, place) => (place === index ? value : old));
}

/** Which picture the results of `tab` show, for "reuse seed". */
export const setShown = (tab, image) => shown.set(tab, image);
export const shownImage = (tab) => shown.get(tab) ?? null;
