// The open tab says `display: block`, as in Gradio 3: scripts tell by that which it is. words.css lays it out as ever.

(() => {
  function say(tab) {
    if (tab.style.display === 'flex') tab.style.display = 'block';
  }

  window.aquatintOpenTabs = () => document.querySelectorAll('#tabs .tabitem').forEach(say);

  const watch = new MutationObserver((changes) => {
    for (const { target } of changes) if (target.classList.contains('tabitem')) say(target);
  });
  watch.observe(document.documentElement, { attributeFilter: ['style'], subtree: true });
})();
