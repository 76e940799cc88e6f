/**
 * Finds the first name that stands twice in one object, however it is spelled.
 *
 * @param text what JSON.parse takes
 */
export function findNameTwice(text: string): { readonly name: string; readonly offset: number } | undefined {
  // the names of each open object so far; undefined for an array
  const open: (Set<string> | undefined)[] = []
  for (let at = 0; at < text.length; at++) {
    switch (text[at]) {
      case '{':
        open.push(new Set())
        break
      case '[':
        open.push(undefined)
        break
      case '}':
      case ']':
        open.pop()
        break
      case '"': {
        const end = endOfString(text, at)
        const names = open.at(-1)
        if (names !== undefined && isName(text, end)) {
          const name: string = JSON.parse(text.slice(at, end + 1))
          if (names.has(name)) return { name, offset: at }
          names.add(name)
        }
        at = end
      }
    }
  }
  return undefined
}

/** @returns offset of the quote that ends the string beginning at `start` */
function endOfString(text: string, start: number): number {
  let at = start + 1
  while (text[at] !== '"') at += text[at] === '\\' ? 2 : 1
  return at
}

const colonNext = /[ \t\n\r]*:/y

function isName(text: string, end: number): boolean {
  colonNext.lastIndex = end + 1
  return colonNext.test(text)
}
