// Places of A1111's page that ours has elsewhere or not at all, so that scripts which look for them go on.

(() => {
  const unseen = (id, kind = 'button') => {
    const made = document.createElement(kind);
    made.id = id;
    const holder = document.createElement('div');
    holder.className = 'aq-unseen';
    holder.append(made);
    return holder;
  };

  onUiLoaded(() => {
    document.getElementById('footer')?.classList.add('versions');
    for (const row of document.querySelectorAll('.aq-work')) {
      const handle = document.createElement('div');
      handle.className = 'resize-handle aq-unseen';
      row.append(handle);
    }
    // What describes a picture in words; no network for that is here.
    const actions = document.getElementById('img2img_actions_column');
    for (const id of ['interrogate', 'deepbooru']) actions?.append(unseen(id));
    // The cards of networks are in a drawer of ours, which looks at the disk itself.
    for (const tab of ['txt2img', 'img2img']) {
      document.getElementById(`${tab}_actions_column`)?.append(unseen(`${tab}_extra_refresh`));
    }
  });
})();

// What A1111's own scripts have besides, for those that wrap it.

var isMobile = () => window.innerWidth < 500;

function extensions_apply() {
  return Array.from(arguments);
}
function extensions_check() {
  return Array.from(arguments);
}
function config_state_confirm_restore() {
  return Array.from(arguments);
}
function extraNetworksMovePromptToTab() {}
function extraNetworksEditUserMetadata() {}
function extraNetworksRequestMetadata() {}
function extraNetworksShowMetadata(text) {
  const shown = document.createElement('pre');
  shown.textContent = text;
  popup(shown);
}
function setupExtraNetworksForTab() {}
function setupAllResizeHandles() {}
function attachGalleryListeners() {
  return document.querySelector('[id$=_gallery]');
}
function imageMaskResize() {}

/** A drawer whose head is a checkbox, opened and closed by a script. */
function inputAccordionChecked(id, checked) {
  const box = document.querySelector(`#${id}-checkbox input`);
  if (box && box.checked !== checked) box.click();
  const head = document.querySelector(`#${id} > button.label-wrap`);
  if (head && head.classList.contains('open') !== checked) head.click();
}
