// An infotext taken apart for reading; nothing else depends on it, the server has the grammar.

const PAIR = /\s*([\w][\w \-/]+):\s*("(?:\\.|[^\\"])+"|[^,]*)(?:,|$)/g;

/** {prompt, negative, pairs: [[key, value]]} of an infotext. */
export function takeApart(text) {
  const lines = (text || '').trim().split('\n');
  const last = lines.at(-1) ?? '';
  const pairs = [...last.matchAll(PAIR)].map(([, key, value]) => [key, unquoted(value)]);
  if (pairs.length < 3) return { prompt: lines.join('\n'), negative: '', pairs: [] };
  const words = lines.slice(0, -1);
  const at = words.findIndex((line) => line.startsWith('Negative prompt:'));
  if (at < 0) return { prompt: words.join('\n'), negative: '', pairs };
  const negative = words.slice(at).join('\n').replace('Negative prompt:', '').trim();
  return { prompt: words.slice(0, at).join('\n'), negative, pairs };
}

function unquoted(value) {
  if (!value.startsWith('"')) return value;
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}

/** Whether a text is an infotext rather than a prompt. */
export const looksLikeInfotext = (text) => /(^|\n)\s*Steps:\s*\d+,/.test(text || '');
