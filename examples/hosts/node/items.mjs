// Contacts are handed over as they were written: `1.0` stays `1.0`, and a number of twenty digits keeps them all.

/**
 * The texts of the elements of a list.
 * @throws {Error} if `text` is no list in JSON
 */
export function split(text) {
  if (!Array.isArray(JSON.parse(text))) throw new Error("expected a list of contacts");
  const items = [];
  let [depth, start, isQuoted] = [0, 0, false];
  for (let place = 0; place < text.length; place++) {
    const character = text[place];
    if (isQuoted) {
      if (character === "\\") place++;
      else if (character === '"') isQuoted = false;
    } else if (character === '"') {
      isQuoted = true;
    } else if ("[{".includes(character)) {
      if (++depth === 1) start = place + 1;
    } else if ("]}".includes(character) ? --depth === 0 : character === "," && depth === 1) {
      items.push(text.slice(start, place).trim());
      start = place + 1;
    }
  }
  return items.length === 1 && items[0] === "" ? [] : items;
}
