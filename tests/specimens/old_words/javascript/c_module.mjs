// A module.
window.oldWordsModule = import.meta.url.includes('/file=extensions/');
