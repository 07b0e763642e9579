// What A1111's page promises to its scripts, used as the popular extensions use it.
window.oldWords = { loaded: 0, tabs: [], updates: 0, after: 0, opts: null, found: {} };

document.addEventListener('DOMContentLoaded', () => (window.oldWords.domContentLoaded = true));

onUiLoaded(() => {
  const app = gradioApp();
  oldWords.loaded += 1;
  oldWords.opts = opts.old_words_text;
  oldWords.found = {
    textarea: Boolean(app.querySelector('#txt2img_prompt > label > textarea')),
    nav: app.querySelectorAll('#tabs > .tab-nav > button').length,
    closed: Boolean(app.querySelector('#img2img_prompt > label > textarea')),
    fold: Boolean(app.getElementById('txt2img_old_words_text')),
    hidden: Boolean(app.querySelector('#txt2img_old_words_hidden textarea')),
    open: app.querySelector('#tabs > .tabitem[id^=tab_]').style.display === 'block',
    deep: Boolean(document.getElementById('old_words_deep')),
    paste: Boolean(app.querySelector('#paste')),
    tab: get_uiCurrentTab()?.textContent.trim(),
    content: get_uiCurrentTabContent()?.id,
  };
  const button = document.createElement('button');
  button.id = 'old_words_write';
  button.textContent = 'W';
  button.className = 'lg secondary gradio-button tool';
  button.addEventListener('click', () => {
    const prompt = gradioApp().querySelector('#txt2img_prompt > label > textarea');
    prompt.value = 'written by a script';
    updateInput(prompt);
  });
  app.querySelector('#txt2img_tools').appendChild(button);
});

titles = { ...titles, 'W': 'Writes into the prompt' };
onUiUpdate(() => (oldWords.updates += 1));
onUiUpdate(() => gradioApp().querySelector('#txt2img_prompt').setAttribute('style', 'flex-grow: 1'));
onAfterUiUpdate(() => (oldWords.after += 1));
onUiTabChange(() => oldWords.tabs.push(get_uiCurrentTab()?.textContent.trim()));
onOptionsChanged(() => (oldWords.changed = opts.old_words_text));
