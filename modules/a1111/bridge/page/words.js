// The functions of A1111's page that its extensions call by name.

function updateInput(target) {
  const event = new Event('input', { bubbles: true });
  Object.defineProperty(event, 'target', { value: target });
  target.dispatchEvent(event);
}

function onEdit(editId, element, afterMs, callback) {
  let timer = null;
  element.addEventListener('input', () => {
    clearTimeout(timer);
    timer = setTimeout(callback, afterMs);
  });
  return () => {
    clearTimeout(timer);
    callback();
  };
}

function randomId() {
  const part = () => Math.random().toString(36).slice(2, 7);
  return `task(${part()}${part()}${part()})`;
}

function args_to_array(args) {
  return Array.from(args);
}

/** The values of an event without those of its outputs, which A1111 leaves to the server. */
function create_submit_args(args) {
  return Array.from(args).map((value) => (Array.isArray(value) && value[0]?.is_file ? null : value));
}

function get_tab_index(tabId) {
  const buttons = [...document.querySelectorAll(`#${tabId} [role=tablist]`)][0]?.querySelectorAll(':scope > button');
  const place = [...(buttons ?? [])].findIndex((button) => button.classList.contains('selected'));
  return Math.max(0, place);
}

function create_tab_index_args(tabId, args) {
  return [get_tab_index(tabId), ...Array.from(args).slice(1)];
}

function get_img2img_tab_index() {
  return [uiCurrentTab?.id === 'tab_inpaint-button' ? 2 : 0];
}

// Tabs

function aquatintOpenTab(id) {
  document.getElementById(`${id}-button`)?.click();
}

function switch_to_txt2img() {
  aquatintOpenTab('tab_txt2img');
  return Array.from(arguments);
}

/** A1111's img2img has tabs of its own: 0 img2img, 1 sketch, 2 inpaint, 3 inpaint sketch, 4 upload, 5 batch. */
function switch_to_img2img_tab(number) {
  aquatintOpenTab([2, 3, 4].includes(number) ? 'tab_inpaint' : 'tab_img2img');
}

function switch_to_img2img() {
  switch_to_img2img_tab(0);
  return Array.from(arguments);
}

function switch_to_sketch() {
  switch_to_img2img_tab(1);
  return Array.from(arguments);
}

function switch_to_inpaint() {
  switch_to_img2img_tab(2);
  return Array.from(arguments);
}

function switch_to_inpaint_sketch() {
  switch_to_img2img_tab(3);
  return Array.from(arguments);
}

function switch_to_extras() {
  aquatintOpenTab('tab_extras');
  return Array.from(arguments);
}

// Results

function all_gallery_buttons() {
  const all = [...document.querySelectorAll('[id$=_gallery] .thumbnail-item')];
  return all.filter((button) => button.parentElement.offsetParent);
}

function selected_gallery_button() {
  return all_gallery_buttons().find((button) => button.matches('.selected, [aria-selected=true]')) ?? null;
}

function selected_gallery_index() {
  return all_gallery_buttons().indexOf(selected_gallery_button());
}

function gallery_container_buttons(container) {
  return document.querySelectorAll(`#${container} .thumbnail-item`);
}

function selected_gallery_index_id(container) {
  return [...gallery_container_buttons(container)].findIndex((button) => button.matches('.selected, [aria-selected=true]'));
}

function extract_image_from_gallery(gallery) {
  if (!gallery?.length) return [null];
  return [gallery[Math.max(0, selected_gallery_index())] ?? gallery[0]];
}

function rememberGallerySelection() {}
function getGallerySelectedIndex() {
  return selected_gallery_index();
}

// Generating

function aquatintSubmit(tab, args) {
  const values = create_submit_args(args);
  values[0] = randomId();
  localSet(`${tab}_task_id`, values[0]);
  return values;
}

function submit() {
  return aquatintSubmit('txt2img', arguments);
}

function submit_img2img() {
  return aquatintSubmit('img2img', arguments);
}

function submit_txt2img_upscale() {
  return aquatintSubmit('txt2img', arguments);
}

function submit_extras() {
  return aquatintSubmit('extras', arguments);
}

/** What runs is shown by the page itself. */
function setSubmitButtonsVisibility() {}
function showSubmitButtons() {}
function showSubmitInterruptingPlaceholder() {}
function showRestoreProgressButton() {}

// The form

function setRandomSeed(elem_id) {
  const input = document.querySelector(`#${elem_id} input`);
  if (!input) return [];
  input.value = '-1';
  updateInput(input);
  return [];
}

function switchWidthHeight(tab) {
  document.getElementById(`${tab}_res_switch_btn`)?.click();
  return [];
}

function dimensionChange() {}
function updateImg2imgResizeToTextAfterChangingImage() {
  return [];
}
function onCalcResolutionHires() {
  return Array.from(arguments).slice(-1);
}
function currentImg2imgSourceResolution(width, height) {
  return [width, height];
}

var desiredCheckpointName = null;
function selectCheckpoint(name) {
  desiredCheckpointName = name;
  const input = document.querySelector('#setting_sd_model_checkpoint input');
  if (!input) return;
  input.focus();
  input.value = name;
  updateInput(input);
  input.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', code: 'Enter', bubbles: true }));
  input.blur();
}

function recalculatePromptTokens() {}
function recalculate_prompts_txt2img() {
  return Array.from(arguments);
}
function recalculate_prompts_img2img() {
  return Array.from(arguments);
}

var activePromptTextarea = {};
document.addEventListener('focusin', (event) => {
  const box = event.target.closest?.('[id$=_prompt]');
  const tab = box && /^(txt2img|img2img|inpaint)/.exec(box.id);
  if (tab && event.target.tagName === 'TEXTAREA') activePromptTextarea[tab[1]] = event.target;
});

function ask_for_style_name(_, prompt, negative) {
  return [window.prompt('Style name:'), prompt, negative];
}

function confirm_clear_prompt() {
  return ['', ''];
}

function restart_reload() {
  setTimeout(() => location.reload(), 2000);
  return [];
}

function set_theme(theme) {
  document.body.classList.toggle('dark', theme === 'dark');
}

function extraNetworksControlRefreshOnClick() {}
function setupExtraNetworks() {}
function applyZoomAndPanIntegration() {}
function setupResizeHandle() {}
