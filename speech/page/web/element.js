// Makes and finds elements of the page.

export const byId = (id) => document.getElementById(id);

/** An element with properties and children; a text is never parsed as HTML. */
export function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

/** Show `text` in the element `id`; without a text the element is hidden. */
export function tell(id, text) {
  byId(id).textContent = text;
  byId(id).hidden = !text;
}

export const percent = (probability) => `${(100 * probability).toFixed(1)} %`;
