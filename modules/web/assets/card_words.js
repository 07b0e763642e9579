// A network in the words of a prompt: found, put in, taken out.

const escaped = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

const TAGS = { lora: '(?:lora|lyco)', hypernetwork: 'hypernet' };

/** Whether prompts have the card's network in angle brackets. */
export const tagged = (card) => card.kind in TAGS;

/** The card's tag at any weight, or the embedding's name as a word of its own, perhaps with a weight. */
function pattern(card) {
  const name = escaped(card.name);
  if (tagged(card)) return new RegExp(`<${TAGS[card.kind]}:${name}(?::[^<>]*)?>`);
  return new RegExp(`\\(${name}:[\\d.]+\\)|(?<![\\p{L}\\p{N}_-])${name}(?![\\p{L}\\p{N}_-])`, 'u');
}

/** Whether a prompt names the card's network. */
export const uses = (text, card) => pattern(card).test(text);

/** The prompt with the network put at its end or, if it is there, taken out with the words that came with it. */
export function toggled(text, card, inserted) {
  if (!uses(text, card)) return [text.trimEnd(), inserted].filter(Boolean).join(joiner(text, card));
  const with_words = text.replace(inserted, '');
  const rest = with_words === text ? text.replace(pattern(card), '') : with_words;
  return rest.replace(/,\s*,/g, ',').replace(/ {2,}/g, ' ').replace(/^[\s,]+|\s+$/g, '').replace(/,$/, '');
}

const joiner = (text, card) => (tagged(card) || /[,\s]$/.test(text) ? ' ' : ', ');
