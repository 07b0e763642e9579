// Selectors that extensions wrote for the page of Gradio 3, read as what stands in their place today.

(() => {
  // Gradio draws each row of tabs twice, first for its own measurements: nobody is to press these.
  const PRESSABLE = 'button:not(.tab-container.visually-hidden > *)';
  const RENEWED = [
    [/(\[[^\]]*\])|(^|[\s>+~,(])button(?![\w-])/g, (_, attribute, before) => attribute ?? `${before}${PRESSABLE}`],
    [/label\s*>\s*(textarea|input)/g, 'label $1'],
    [/(#[\w-]+)\s*>\s*input(?=\s*(?:,|$))/g, ':is($1 > input, $1 input[type=range])'], // a slider's own
    [/>\s*\.tab-nav(?![\w-])/g, ' [role=tablist]'],
    [/\.tab-nav(?![\w-])/g, '[role=tablist]'],
    [/>\s*\.tab-wrapper(?![\w-])/g, ' .tab-wrapper'],
    [/\.gr-button(-\w+)*(?![\w-])/g, ':is(button)'],
    [/\.gr-(box|block)(?![\w-])/g, '.block'],
    [/\.gr-form(?![\w-])/g, '.form'],
    [/\.gr-(compact|panel)(?![\w-])/g, '.row'],
    [/\.gr-(text-)?input(?![\w-])/g, ':is(input, textarea)'],
    [/\.gr-(check-radio|checkbox)(?![\w-])/g, 'input[type=checkbox]'],
    [/\.wrap_inner(?![\w-])/g, '.wrap-inner'],
    [/\[aria-label=(['"]?)(Remove Image|Clear)\1\]/g, ':is([aria-label="$2"], [aria-label="Remove the picture"])'],
  ];
  const known = new Map();

  function renewed(selector) {
    if (typeof selector !== 'string') return selector;
    if (!known.has(selector)) {
      known.set(selector, RENEWED.reduce((text, [old, present]) => text.replace(old, present), selector));
    }
    return known.get(selector);
  }

  for (const [kind, names] of [
    [Document, ['querySelector', 'querySelectorAll']],
    [DocumentFragment, ['querySelector', 'querySelectorAll']],
    [Element, ['querySelector', 'querySelectorAll', 'closest', 'matches']],
  ]) {
    for (const name of names) {
      const native = kind.prototype[name];
      kind.prototype[name] = function (selector) {
        return native.call(this, renewed(selector));
      };
    }
  }
})();
