// Everything is in the document before scripts are told that it is: Gradio draws tabs and folds when they are opened.

(() => {
  const PATIENCE = 15000;
  const moment = (milliseconds = 0) => new Promise((resolve) => setTimeout(resolve, milliseconds));

  async function until(condition, patience) {
    const end = performance.now() + patience;
    while (!condition() && performance.now() < end) await moment(20);
    return condition();
  }

  const tabsIn = (list) => [...list.querySelectorAll(':scope > button[role=tab]')];

  /** The tabs behind "More tabs" are no buttons of the list while it is closed. */
  function everyTab(list) {
    const wrapper = list.closest('.tab-wrapper');
    return [...tabsIn(list), ...(wrapper?.querySelectorAll('.overflow-dropdown button') ?? [])];
  }

  async function visitTabs(root, depth) {
    for (const list of [...root.querySelectorAll('.tab-container[role=tablist]')]) {
      if (list.aquatintVisited) continue;
      list.aquatintVisited = true;
      const chosen = tabsIn(list).find((tab) => tab.classList.contains('selected'));
      const count = everyTab(list).length;
      for (let place = 0; place < count; place += 1) {
        everyTab(list)[place]?.click();
        await moment();
      }
      (chosen?.isConnected ? chosen : tabsIn(list)[0])?.click();
      await moment();
    }
    if (depth > 0 && [...root.querySelectorAll('.tab-container[role=tablist]')].some((list) => !list.aquatintVisited)) {
      await visitTabs(root, depth - 1);
    }
  }

  const closedFolds = (root) =>
    [...root.querySelectorAll('button.label-wrap:not(.open)')].filter((button) => !button.aquatintVisited);

  async function visitFolds(root) {
    for (let depth = 0; depth < 4; depth += 1) {
      const folds = closedFolds(root);
      if (!folds.length) return;
      for (const fold of folds) {
        fold.aquatintVisited = true;
        fold.click();
      }
      await moment(30);
      for (const fold of folds) if (fold.classList.contains('open')) fold.click();
      await moment(10);
    }
  }

  async function visitAll() {
    const tabs = document.getElementById('tabs');
    const focused = document.activeElement;
    await visitTabs(tabs, 3);
    await visitFolds(tabs);
    await visitTabs(tabs, 2);
    window.scrollTo(0, 0);
    if (focused && focused !== document.body) focused.focus({ preventScroll: true });
  }

  async function mount() {
    document.documentElement.classList.add('aq-mounting');
    setTimeout(() => document.documentElement.classList.remove('aq-mounting'), PATIENCE);
    try {
      // Scripts that are told of a page before it is drawn give up; on a slow machine that takes minutes.
      await until(() => document.getElementById('tabs'), Infinity);
      await until(() => document.body.dataset.aquatint === 'ready', 60000);
      await visitAll();
    } catch (error) {
      console.error('The page could not be opened in full:', error);
    } finally {
      document.documentElement.classList.remove('aq-mounting');
      window.aquatintOpenTabs();
      window.aquatintLoaded();
    }
  }

  if (document.readyState === 'loading') document.addEventListener('DOMContentLoaded', mount);
  else mount();
})();
