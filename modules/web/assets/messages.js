// What the server says about an event, as a message in the corner.

import { toast } from './toast.js';

export function mount() {
  return { update: (message) => message?.text && toast(message.text, message.tone) };
}
