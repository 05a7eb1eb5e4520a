// Splits a list of contacts without changing their text: `1.0` stays `1.0`, and a number with twenty digits keeps all of them.

/**
 * Returns the text of each element of a JSON list.
 * @throws {Error} if `text` is not a JSON list
 */
export function split(text) {
  if (!Array.isArray(JSON.parse(text))) throw new Error("expected a list of contacts");
  const items = [];
  let [depth, start, isQuoted] = [0, 0, false];
  for (let position = 0; position < text.length; position++) {
    const character = text[position];
    if (isQuoted) {
      if (character === "\\") position++;
      else if (character === '"') isQuoted = false;
    } else if (character === '"') {
      isQuoted = true;
    } else if ("[{".includes(character)) {
      if (++depth === 1) start = position + 1;
    } else if ("]}".includes(character) ? --depth === 0 : character === "," && depth === 1) {
      items.push(text.slice(start, position).trim());
      start = position + 1;
    }
  }
  return items.length === 1 && items[0] === "" ? [] : items;
}
