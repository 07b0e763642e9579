// A page with very many events opens sooner: Gradio looks through all of them for each control, and Svelte, which watches
// plain lists, makes each look dear. A list of another class is not watched; nothing changes in this one.

(() => {
  const MANY = 600;
  class Unwatched extends Array {}
  const events = window.gradio_config?.dependencies;
  if (!(events?.length > MANY)) return;
  Object.setPrototypeOf(events, Unwatched.prototype);
  document.documentElement.dataset.aquatintEvents = 'unwatched';
})();
