// Puts a note into A1111's large view when it is seen, and tells what it shows; waits for a tab and counts on another.

document.addEventListener('DOMContentLoaded', () => {
  const modal = document.getElementById('lightboxModal');
  const note = document.createElement('button');
  note.id = 'neighbour_note';
  note.textContent = 'a note';
  note.addEventListener('click', () => (window.noted = document.getElementById('modalImage').src));
  new MutationObserver(() => (modal.style.display === 'none' ? note.remove() : modal.append(note))).observe(modal, {
    attributes: true,
    attributeFilter: ['style'],
  });
});

(function wait() {
  const first = gradioApp().querySelector('#tab_txt2img');
  if (first) window.counted = Boolean(gradioApp().getElementById('img2img_prompt')?.querySelector('textarea'));
  else setTimeout(wait, 2);
})();
