// Texts that stay in this tab when the page is loaded again, and go with it: the list, and what was recorded.

/** The text that was kept as `key`; null without one, and where the browser keeps nothing. */
export function kept(key) {
  try {
    return sessionStorage.getItem(key);
  } catch {
    return null;
  }
}

export function keep(key, text) {
  try {
    sessionStorage.removeItem(key); // lest an older one stay where there is no room
    sessionStorage.setItem(key, text);
  } catch {
    // denied, or full: it has to be written anew
  }
}
