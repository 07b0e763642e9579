// A1111's large view of a picture. While the page's own is open, A1111's lies over its picture: what extensions have put
// into it is seen, its own image, buttons and keys are not, since those of ours do the same.

(() => {
  const element = (kind, given = {}, ...children) => {
    const made = Object.assign(document.createElement(kind), given);
    made.append(...children);
    return made;
  };
  const image = element('img', { id: 'modalImage', alt: '', tabIndex: 0 });
  const sign = (className, onclick, id = '') => element('span', { className: `${className} cursor aq-unseen`, id, onclick });
  const controls = element(
    'div',
    { className: 'modalControls gradio-container' },
    sign('modalZoom'),
    sign('modalTileImage'),
    sign('modalSave', () => saveImage(), 'modal_save'),
    sign('modalToggleLivePreview', null, 'modal_toggle_live_preview'),
    sign('modalClose', () => closeModal()),
  );
  const modal = element(
    'div',
    { id: 'lightboxModal', tabIndex: 0 },
    controls,
    image,
    element('a', { className: 'modalPrev', tabIndex: 0, onclick: (event) => modalPrevImage(event) }),
    element('a', { className: 'modalNext', tabIndex: 0, onclick: (event) => modalNextImage(event) }),
  );
  modal.style.display = 'none';

  function follow(dialog) {
    const large = dialog.querySelector('img.aq-large');
    const mirror = () => (image.src = large.src);
    const watch = new MutationObserver(mirror);
    watch.observe(large, { attributes: true, attributeFilter: ['src'] });
    mirror();
    large.closest('.aq-lightbox-main').append(modal);
    modal.style.display = 'flex';
    modal.focus({ preventScroll: true }); // keys of extensions are heard there, ours by the dialog around it
    dialog.addEventListener('close', () => {
      watch.disconnect();
      modal.style.display = 'none';
      document.body.append(modal);
    });
  }

  document.addEventListener('DOMContentLoaded', () => {
    document.body.append(modal);
    new MutationObserver((records) => {
      for (const { addedNodes } of records) for (const node of addedNodes) if (node.matches?.('dialog.aq-lightbox')) follow(node);
    }).observe(document.body, { childList: true });
  });
})();
