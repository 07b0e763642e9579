// A1111's img2img is one tab with tabs in it for its pictures; here inpaint is a tab of the page. What scripts look for
// by A1111's ids stands here out of sight: its tabs open ours, a file put into its fields goes into ours, and what ours
// show, they show.

(() => {
  /** [title, tab, field, the tab of ours] */
  const MODES = [
    ['img2img', 'img2img_img2img_tab', null, 'img2img'],
    ['Sketch', 'img2img_img2img_sketch_tab', 'img2img_sketch', 'img2img'],
    ['Inpaint', 'img2img_inpaint_tab', 'img2maskimg', 'inpaint'],
    ['Inpaint sketch', 'img2img_inpaint_sketch_tab', 'inpaint_sketch', 'inpaint'],
    ['Inpaint upload', 'img2img_inpaint_upload_tab', 'img_inpaint_base', 'inpaint'],
    ['Batch', 'img2img_batch_tab', null, 'img2img'],
  ];
  const FIRST = { img2img: 0, inpaint: 2 };
  const part = (tab, selector) => document.querySelector(`#${tab}_image ${selector}`);

  function element(kind, given, ...children) {
    const made = Object.assign(document.createElement(kind), given);
    made.append(...children);
    return made;
  }

  /** An input that hands a file on, and a button that takes the picture out. */
  function intake(tab) {
    const input = element('input', { type: 'file', accept: 'image/*' });
    input.addEventListener('change', () => {
      const own = part(tab, 'input[type=file]');
      if (!own || !input.files.length) return;
      own.files = input.files;
      own.dispatchEvent(new Event('change', { bubbles: true }));
    });
    const remove = element('button', { type: 'button', ariaLabel: 'Remove Image' });
    remove.addEventListener('click', () => part(tab, '[aria-label="Remove the picture"]')?.click());
    return [input, remove];
  }

  /** Shows what ours shows. */
  function mirror(tab, image) {
    const own = part(tab, 'img');
    if (!own) return image;
    const follow = () => (own.hasAttribute('src') ? (image.src = own.src) : image.removeAttribute('src'));
    new MutationObserver(follow).observe(own, { attributes: true, attributeFilter: ['src'] });
    follow();
    return image;
  }

  function open(place) {
    switch_to_img2img_tab(place);
    choose(place);
  }

  function choose(place) {
    const buttons = document.querySelectorAll('#mode_img2img > [role=tablist] > button');
    buttons.forEach((button, number) => button.classList.toggle('selected', number === place));
  }

  /** Called once, before any script hears that the page is there. */
  window.aquatintStandIn = () => {
    if (document.getElementById('mode_img2img') || !document.getElementById('img2img_image')) return;
    const buttons = MODES.map(([title], place) => {
      const button = element('button', { type: 'button', textContent: title });
      button.setAttribute('role', 'tab');
      button.addEventListener('click', () => open(place));
      return button;
    });
    const list = element('div', { className: 'tab-nav' }, ...buttons);
    list.setAttribute('role', 'tablist');
    const tabs = MODES.map(([, id, field, tab]) => {
      const within = element('div', {}, ...intake(tab), mirror(tab, element('img', { alt: '' })));
      return element('div', { id }, field ? element('div', { id: field }, within) : within);
    });
    const mask = element('div', { id: 'img_inpaint_mask' }, element('div', {}, element('input', { type: 'file' })));
    tabs[4].append(mask);
    const modes = element('div', { id: 'mode_img2img', className: 'tabs aq-unseen' }, list, ...tabs);
    (document.getElementById('img2img_settings') ?? gradioApp()).append(modes);
    choose(0);
    onUiTabChange(() => {
      const tab = /^tab_(img2img|inpaint)-button$/.exec(uiCurrentTab.id)?.[1];
      if (tab && MODES[get_tab_index('mode_img2img')][3] !== tab) choose(FIRST[tab]);
    });
  };
})();
