// Texts that this tab keeps when the page is loaded again, until it is closed: the list, and the recorded names.

/** The text that was kept as `key`; null if there is none, or if the browser keeps nothing. */
export function kept(key) {
  try {
    return sessionStorage.getItem(key);
  } catch {
    return null;
  }
}

export function keep(key, text) {
  try {
    sessionStorage.removeItem(key); // so that no older text stays if there is no room
    sessionStorage.setItem(key, text);
  } catch {
    // denied, or full: it has to be written again
  }
}
