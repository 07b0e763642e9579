// What A1111's page tells its scripts: that it is there, that it has changed, which tab is open, which options hold.

var uiUpdateCallbacks = [];
var uiAfterUpdateCallbacks = [];
var uiLoadedCallbacks = [];
var uiTabChangeCallbacks = [];
var optionsChangedCallbacks = [];
var optionsAvailableCallbacks = [];
var uiAfterUpdateTimeout = null;
var uiCurrentTab = null;
var executedOnLoaded = false;
var opts = {};
var localization = {};

/** What scripts look for here is there at once or not at all, as in A1111: tabs are drawn one by one, and a script that
 * waits for the first of them counts on the others. */
function gradioApp() {
  const element = document.querySelector('gradio-app');
  if (!element) return document;
  if (!element.getElementById) {
    const nothing = { getElementById: () => null, querySelector: () => null, querySelectorAll: () => [] };
    Object.assign(element, nothing);
    if (executedOnLoaded) aquatintUnveil();
  }
  return element;
}

function aquatintUnveil() {
  const element = document.querySelector('gradio-app');
  if (!element) return;
  delete element.querySelector;
  delete element.querySelectorAll;
  element.getElementById = (id) => document.getElementById(id);
}

function get_uiCurrentTab() {
  return document.querySelector('#tabs [role=tablist] > button.selected');
}

function get_uiCurrentTabContent() {
  return [...document.querySelectorAll('#tabs > .tabitem[id^=tab_]')].find((tab) => tab.style.display !== 'none') ?? null;
}

function onUiUpdate(callback) {
  uiUpdateCallbacks.push(callback);
}

function onAfterUiUpdate(callback) {
  uiAfterUpdateCallbacks.push(callback);
}

/** A script that comes late is called at once. */
function onUiLoaded(callback) {
  if (executedOnLoaded) executeCallbacks([callback]);
  else uiLoadedCallbacks.push(callback);
}

function onUiTabChange(callback) {
  uiTabChangeCallbacks.push(callback);
}

function onOptionsChanged(callback) {
  optionsChangedCallbacks.push(callback);
}

function onOptionsAvailable(callback) {
  if (Object.keys(opts).length) executeCallbacks([callback]);
  else optionsAvailableCallbacks.push(callback);
}

/** One that fails says so and stops no other. */
function executeCallbacks(queue, argument) {
  for (const callback of [...queue]) {
    try {
      callback(argument);
    } catch (error) {
      console.error('error running callback', callback, ':', error);
    }
  }
}

function scheduleAfterUiUpdateCallbacks() {
  clearTimeout(uiAfterUpdateTimeout);
  uiAfterUpdateTimeout = setTimeout(() => executeCallbacks(uiAfterUpdateCallbacks), 200);
}

/** A1111 shows Interrupt and Skip only while something runs; here they cannot be pressed then. */
function uiElementIsVisible(element) {
  if (element?.disabled && /_(interrupt|skip)$/.test(element.id)) return false;
  return Boolean(element && (element === document || (element.offsetParent !== null && element.getClientRects().length)));
}

function uiElementInSight(element) {
  const box = element.getBoundingClientRect();
  return box.bottom > 0 && box.top < window.innerHeight;
}

(() => {
  const told = (record) => record.target.closest?.('#tabs, #quicksettings, .gradio-container') !== null;

  function changed(records) {
    executeCallbacks(uiUpdateCallbacks, records);
    scheduleAfterUiUpdateCallbacks();
    const tab = get_uiCurrentTab();
    if (tab && tab !== uiCurrentTab) {
      uiCurrentTab = tab;
      executeCallbacks(uiTabChangeCallbacks);
    }
  }

  const observer = new MutationObserver(heard);

  /** Attributes that the callbacks change are no news to them, as in A1111: some set a style each time they are called. */
  function heard(records) {
    if (!records.some(told)) return;
    changed(records);
    const made = observer.takeRecords().filter((record) => record.type === 'childList');
    if (made.length) queueMicrotask(() => heard(made));
  }

  /** Called when everything that scripts look for is in the document. */
  window.aquatintLoaded = () => {
    if (executedOnLoaded) return;
    executedOnLoaded = true;
    aquatintUnveil();
    window.aquatintStandIn();
    // Not earlier: scripts take options for a sign that the page is complete. Then they wait for it to change once more.
    Object.assign(opts, window.aquatintOptions);
    executeCallbacks(optionsAvailableCallbacks);
    executeCallbacks(uiLoadedCallbacks);
    changed([]);
    gradioApp().appendChild(document.createElement('span')).remove();
    observer.observe(document.body, {
      childList: true,
      subtree: true,
      attributes: true,
      attributeFilter: ['class', 'style'],
    });
  };

  async function readOptions() {
    const answer = await fetch('aquatint/a1111/options', { cache: 'no-store' });
    if (!answer.ok) return;
    const fresh = await answer.json();
    if (JSON.stringify(fresh) === JSON.stringify(opts)) return;
    for (const name of Object.keys(opts)) if (!(name in fresh)) delete opts[name];
    Object.assign(opts, fresh);
    executeCallbacks(optionsChangedCallbacks);
  }

  /** Whoever changes a setting presses this button or has another page; a quick setting is heard of a moment later. */
  document.addEventListener('click', (event) => {
    if (event.target.closest?.('#settings_submit')) for (const wait of [600, 2500]) setTimeout(readOptions, wait);
  });
  document.addEventListener('visibilitychange', () => document.hidden || readOptions());
  window.aquatintReadOptions = readOptions;
})();
