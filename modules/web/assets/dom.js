// Elements made in one expression. Text is always set as text: nothing here can be read as HTML.

/** h('div', {class: 'a', onclick: f}, 'text', child): null and false children are left out. */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (name === 'style') element.style.cssText = value;
    else if (name in element && typeof value !== 'string') element[name] = value;
    else element.setAttribute(name, value === true ? '' : value);
  }
  append(element, children);
  return element;
}

function append(element, children) {
  for (const child of children.flat()) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child);
  }
}

/** Replaces what is in `element`. */
export function fill(element, ...children) {
  element.textContent = '';
  append(element, children);
  return element;
}

/** An icon of icons.css; it says nothing to screen readers. */
export const icon = (name) => h('span', { class: `aq-icon aq-icon-${name}`, 'aria-hidden': 'true' });

/** A button with an icon, and its label as text or, when `bare`, as a tooltip. */
export function button(name, label, onclick, { bare = false, ...props } = {}) {
  const kind = `aq-button ${bare ? 'aq-bare' : ''} ${props.class ?? ''}`;
  return h(
    'button',
    { type: 'button', title: label, 'aria-label': label, ...props, class: kind, onclick },
    icon(name),
    bare ? null : h('span', { class: 'aq-label' }, label),
  );
}

/** Changes text only when it differs, so that screen readers do not repeat it. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Runs `function_` once, `delay` ms after the last call; `now()` runs what waits, `cancel()` forgets it. */
export function debounce(function_, delay) {
  let timer = 0;
  let waiting = null;
  const run = () => {
    const args = waiting;
    debounced.cancel();
    if (args) function_(...args);
  };
  const debounced = (...args) => {
    clearTimeout(timer);
    waiting = args;
    timer = setTimeout(run, delay);
  };
  debounced.now = run;
  debounced.cancel = () => {
    clearTimeout(timer);
    waiting = null;
  };
  return debounced;
}
