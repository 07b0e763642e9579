// A closed part of the form shows a mark while something in it is not as it begins: nothing that counts is hidden.

/** `fields` are the labels and first values of what is in the part `id`; `values` are what they are now. */
export function markFold(id, fields, values) {
  const fold = document.getElementById(id);
  if (!fold) return;
  const asked = fields.flatMap(([label, first], at) => (values[at] === first ? [] : [`${label}: ${values[at]}`]));
  const head = fold.querySelector('button');
  fold.classList.toggle('aq-marked', asked.length > 0);
  if (head) head.title = asked.join('\n');
}
