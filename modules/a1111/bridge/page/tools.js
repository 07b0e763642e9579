// The rest of what A1111's page has for its scripts: words in other languages, storage, requests, menus, large pictures.

function getTranslation(text) {
  return localization[text];
}

function pad2(number) {
  return String(number).padStart(2, '0');
}

function formatTime(seconds) {
  if (seconds > 3600) {
    return `${pad2(Math.floor(seconds / 3600))}:${pad2(Math.floor(seconds / 60) % 60)}:${pad2(Math.floor(seconds) % 60)}`;
  }
  return seconds > 60 ? `${pad2(Math.floor(seconds / 60))}:${pad2(Math.floor(seconds) % 60)}` : `${Math.floor(seconds)}s`;
}

function setTitle(text) {
  document.title = text ? `[${text.trim()}] Aquatint` : 'Aquatint';
}

function localSet(name, value) {
  try {
    localStorage.setItem(name, value);
  } catch (error) {
    console.warn(`${name} cannot be kept:`, error);
  }
}

function localGet(name, otherwise) {
  try {
    return localStorage.getItem(name);
  } catch {
    return otherwise;
  }
}

function localRemove(name) {
  try {
    localStorage.removeItem(name);
  } catch (error) {
    console.warn(`${name} cannot be forgotten:`, error);
  }
}

function request(url, data, handler, failed) {
  const asked = { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(data) };
  fetch(url, asked)
    .then((answer) => (answer.ok ? answer.json() : Promise.reject(answer)))
    .then(handler, failed);
}

function requestGet(url, data, handler, failed) {
  fetch(`${url}?${new URLSearchParams(data)}`)
    .then((answer) => (answer.ok ? answer.json() : Promise.reject(answer)))
    .then(handler, failed);
}

/** Follows a job to its end: a bar in `container`, whose preview the page itself shows. */
function requestProgress(id, container, gallery, atEnd, onProgress, patience = 40) {
  const began = Date.now();
  let seen = false;
  const bar = document.createElement('div');
  bar.className = 'progressDiv';
  const inner = document.createElement('div');
  inner.className = 'progress';
  bar.appendChild(inner);
  bar.style.display = opts.show_progressbar === false ? 'none' : 'block';
  container?.parentNode?.insertBefore(bar, container);

  function end() {
    bar.remove();
    setTitle('');
    atEnd?.();
  }

  function ask() {
    const wanted = { id_task: id, live_preview: false };
    request('./internal/progress', wanted, heard, end);
  }

  function heard(news) {
    seen ||= news.active || news.queued;
    if (news.completed || (seen && !news.active && !news.queued)) return end();
    if (!seen && (Date.now() - began) / 1000 > patience) return end();
    inner.style.width = `${(news.progress || 0) * 100}%`;
    inner.textContent = news.progress ? `${Math.floor(news.progress * 100)}%` : news.textinfo ?? '';
    if (news.progress) setTitle(inner.textContent);
    onProgress?.(news);
    setTimeout(ask, opts.live_preview_refresh_period || 500);
  }

  ask();
}

// The menu of the right mouse button

var contextMenuInit = () => {
  const entries = new Map();
  let shown = null;

  function close() {
    shown?.remove();
    shown = null;
  }

  function open(event, choices) {
    close();
    shown = document.createElement('nav');
    shown.id = 'context-menu';
    shown.style.cssText = `position: fixed; z-index: 9999; left: ${event.clientX}px; top: ${event.clientY}px`;
    const list = shown.appendChild(document.createElement('ul'));
    list.className = 'context-menu-items';
    for (const choice of choices) {
      const row = list.appendChild(document.createElement('a'));
      row.textContent = choice.name;
      row.addEventListener('click', () => choice.func());
    }
    document.body.appendChild(shown);
  }

  function append(selector, name, func) {
    const id = randomId();
    entries.set(id, { id, selector, name, func });
    return id;
  }

  function listen() {
    document.addEventListener('click', close);
    document.addEventListener('contextmenu', (event) => {
      const choices = [...entries.values()].filter((entry) => event.target.closest?.(entry.selector));
      close();
      if (!choices.length) return;
      event.preventDefault();
      open(event, choices);
    });
  }

  return [append, (id) => entries.delete(id), listen];
};

var [appendContextMenuOption, removeContextMenuOption, addContextMenuEventListener] = contextMenuInit();
addContextMenuEventListener();

// Windows over the page

var globalPopup = null;
function closePopup() {
  globalPopup?.remove();
  globalPopup = null;
}

function popup(contents) {
  closePopup();
  globalPopup = document.createElement('div');
  globalPopup.className = 'global-popup';
  globalPopup.style.cssText = 'position: fixed; inset: 0; z-index: 9998; display: grid; place-items: center; background: #0008';
  const inner = globalPopup.appendChild(document.createElement('div'));
  inner.className = 'global-popup-inner';
  inner.style.cssText = 'max-width: 90vw; max-height: 90vh; overflow: auto; padding: 1em; background: var(--background-fill-primary)';
  inner.appendChild(contents);
  globalPopup.addEventListener('click', (event) => event.target === globalPopup && closePopup());
  document.body.appendChild(globalPopup);
}

function popupId(id) {
  const element = document.getElementById(id);
  if (element) popup(element);
}

/** The lightbox is the page's own. */
function aquatintPress(label) {
  document.querySelector(`dialog.aq-lightbox button[aria-label^="${label}"]`)?.click();
}
function showModal(event) {
  event?.target?.closest?.('[id$=_gallery]')?.querySelector('.aq-picture')?.click();
}
function closeModal() {
  document.querySelector('dialog.aq-lightbox[open]')?.close();
}
function modalImageSwitch(offset) {
  aquatintPress(offset < 0 ? 'Previous' : 'Next');
}
function modalPrevImage(event) {
  modalImageSwitch(-1);
  event?.stopPropagation();
}
function modalNextImage(event) {
  modalImageSwitch(1);
  event?.stopPropagation();
}
function modalSaveImage(event) {
  aquatintPress('Save');
  event?.preventDefault();
}
function saveImage() {
  aquatintPress('Save');
}
function modalKeyHandler() {}
function updateOnBackgroundChange() {}

// Tooltips: those that extensions have added to this table, by an element's text or class, and those of components

var titles = {};

document.addEventListener('mouseover', ({ target }) => {
  if (!(target instanceof Element) || target.title || !Object.keys(titles).length) return;
  const names = [target.textContent.trim().slice(0, 200), target.value, ...target.classList];
  const name = names.find((each) => Object.hasOwn(titles, each ?? ''));
  if (name !== undefined) target.title = getTranslation(titles[name]) ?? titles[name];
});

onUiLoaded(() => {
  for (const component of window.gradio_config?.components ?? []) {
    const { elem_id, webui_tooltip } = component.props ?? {};
    const element = webui_tooltip && elem_id && document.getElementById(elem_id);
    if (element) element.title = webui_tooltip;
  }
});

// Words in another language: texts of the page that the chosen table knows

(() => {
  const NOT = 'textarea, input, script, style, option, .aq-picture, [id$=_prompt]';

  function translate(root) {
    if (!Object.keys(localization).length) return;
    const texts = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
    for (let node = texts.nextNode(); node; node = texts.nextNode()) {
      const known = getTranslation(node.textContent.trim());
      if (known !== undefined && !node.parentElement?.closest(NOT)) node.textContent = known;
    }
  }

  onUiLoaded(() => translate(document.body));
  onUiUpdate((records) => {
    for (const record of records) for (const node of record.addedNodes ?? []) if (node.nodeType === 1) translate(node);
  });
})();
