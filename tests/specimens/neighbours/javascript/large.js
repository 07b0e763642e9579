// Puts a note into A1111's large view when it is seen, and tells what it shows.

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
