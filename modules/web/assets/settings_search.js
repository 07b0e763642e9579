// The search of the Settings: options that do not hold all of the words are left out, and sections without any.

import { fill, h } from './dom.js';

export function mount(element) {
  const words = h('input', { type: 'search', class: 'aq-input aq-settings-words', placeholder: 'Search the settings', 'aria-label': 'Search the settings' });
  const none = h('p', { class: 'aq-soft aq-settings-none', role: 'status', hidden: true }, 'No setting holds these words.');
  fill(element, words, none);
  words.addEventListener('input', search);
  words.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape' || !words.value) return;
    event.stopPropagation();
    words.value = '';
    search();
  });

  function search() {
    const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
    let found = 0;
    for (const section of document.querySelectorAll('#settings .aq-settings-section')) {
      const title = section.querySelector('h3')?.textContent ?? '';
      let shown = 0;
      for (const option of section.querySelectorAll('[id^="setting_"]')) {
        const text = `${title} ${option.textContent} ${option.id}`.toLowerCase();
        const fits = wanted.every((word) => text.includes(word));
        option.classList.toggle('aq-left-out', !fits);
        shown += fits;
      }
      section.classList.toggle('aq-left-out', wanted.length > 0 && !shown);
      found += shown;
    }
    none.hidden = found > 0;
  }
}
