// Elements of the page, made and found.

export const byId = (id) => document.getElementById(id);

/** An element with properties and children; a text is never read as HTML. */
export function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

/** Show `text` in the element `id`, which is hidden without. */
export function tell(id, text) {
  byId(id).textContent = text;
  byId(id).hidden = !text;
}

export const percent = (probability) => `${(100 * probability).toFixed(1)} %`;
