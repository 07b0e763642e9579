// The server's own routes, as promises. What goes wrong becomes an Error whose message is for people.

const root = new URL('aquatint/', document.baseURI);

export const address = (path) => new URL(path, root).href;
export const imageAddress = (id, question = '') => address(`images/${encodeURIComponent(id)}${question}`);
export const thumbAddress = (id) => imageAddress(id, '?thumb=1');
export const uploadAddress = (id) => address(`uploads/${encodeURIComponent(id)}`);

/** An address that the server gave, below the root of the site. */
export const served = (path) => new URL(path.replace(/^\/+/, ''), document.baseURI).href;

/** Asks and reads the JSON of the answer. */
export async function ask(path, { method = 'GET', body = undefined, signal = undefined } = {}) {
  const headers = typeof body === 'string' ? { 'Content-Type': 'application/json' } : {};
  let answer;
  try {
    answer = await fetch(address(path), { method, body, headers, signal, credentials: 'same-origin' });
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new Error('The server does not answer.');
  }
  const text = await answer.text();
  const content = parse(text);
  if (!answer.ok) throw refusal(answer.status, content);
  return content;
}

function parse(text) {
  try {
    return text ? JSON.parse(text) : null;
  } catch {
    return null;
  }
}

function refusal(status, content) {
  const detail = content?.detail ?? content?.error;
  const told = typeof detail === 'string' && detail ? detail : `The server answered ${status}.`;
  return Object.assign(new Error(told), { status });
}

export const post = (path, value = {}) => ask(path, { method: 'POST', body: JSON.stringify(value) });

/** Stores a picture on the server: {id, width, height}. */
export const upload = (blob) => ask('uploads', { method: 'POST', body: blob });

/** The generation parameters in a picture's file: {infotext, values}. */
export const pngInfo = (blob) => ask('png-info', { method: 'POST', body: blob });

/** The bytes of one of one's own pictures. */
export async function imageBlob(id) {
  const answer = await fetch(imageAddress(id), { credentials: 'same-origin' });
  if (!answer.ok) throw new Error('That picture is not there any more.');
  return answer.blob();
}
