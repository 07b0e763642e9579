// A question with a few answers, in the browser's own dialog: focus stays inside, Escape says no.

import { h } from './dom.js';

/** Resolves to true when the person agrees. */
export function confirmed(title, text, yes) {
  return new Promise((resolve) => {
    const answer = (value) => () => {
      resolve(value);
      dialog.close();
    };
    const dialog = h(
      'dialog',
      { class: 'aq-question', onclose: () => (resolve(false), dialog.remove()) },
      h('h2', {}, title),
      h('p', {}, text),
      h(
        'div',
        { class: 'aq-row' },
        h('button', { type: 'button', class: 'aq-button', onclick: answer(false) }, 'Keep'),
        h('button', { type: 'button', class: 'aq-button aq-primary aq-danger', onclick: answer(true) }, yes),
      ),
    );
    document.body.append(dialog);
    dialog.showModal();
  });
}

/** Asks which of `answers`, {name: label}, is meant; resolves to the name, or to null when the person leaves. */
export function chosen(title, answers) {
  return new Promise((resolve) => {
    const answer = (name) => () => {
      resolve(name);
      dialog.close();
    };
    const choices = Object.entries(answers).map(([name, label]) => h('button', { type: 'button', class: 'aq-button', onclick: answer(name) }, label));
    const dialog = h(
      'dialog',
      { class: 'aq-question', onclose: () => (resolve(null), dialog.remove()) },
      h('h2', {}, title),
      h('div', { class: 'aq-row' }, choices),
    );
    document.body.append(dialog);
    dialog.showModal();
  });
}
