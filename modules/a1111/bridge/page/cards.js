// Cards of extensions: a click puts the words of one into the prompt, another click takes them out.

(() => {
  const escaped = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  const separator = () => opts.extra_networks_add_text_separator ?? ' ';

  /** A network in angle brackets is the same at any weight. */
  function pattern(words) {
    const tag = /^<(\w+:[^:>]+):[^>]*>/.exec(words.trim());
    const before = `(?:${escaped(separator())})?`;
    return new RegExp(tag ? `${before}<${escaped(tag[1])}(?::[^>]*)?>` : `${before}${escaped(words)}`);
  }

  window.tryToRemoveExtraNetworkFromPrompt = (area, words) => {
    const without = area.value.replace(pattern(words), '');
    if (without === area.value) return false;
    area.value = without;
    return true;
  };

  window.updatePromptArea = (words, area) => {
    if (!tryToRemoveExtraNetworkFromPrompt(area, words)) area.value = area.value ? area.value + separator() + words : words;
    updateInput(area);
  };

  /** Into the box that had the focus last, where a page allows its cards in both. */
  window.cardClicked = (tab, words, negative, both) => {
    const box = (name) => document.querySelector(`#${tab}_${name} textarea`);
    if (negative) updatePromptArea(negative, box('neg_prompt'));
    const last = both && !negative ? activePromptTextarea[tab] : null;
    if (words) updatePromptArea(words, last ?? box('prompt'));
  };

  window.extraNetworksFilterCards = (id, text) => {
    const wanted = text.trim().toLowerCase();
    for (const card of document.querySelectorAll(`#${id} .card`)) {
      const known = [card.dataset.name, ...[...card.querySelectorAll('.search_terms')].map((term) => term.textContent)];
      card.classList.toggle('aq-unseen', !known.join('\n').toLowerCase().includes(wanted));
    }
  };

  document.addEventListener('keydown', (event) => {
    if (event.key === 'Enter' && event.target.matches?.('.extra-network-cards .card')) event.target.click();
  });
})();
