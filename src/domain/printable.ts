// What comes from elsewhere, be it a company's name or the manifest of a zip, may try to write more into a terminal than it should.

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const commanding = /[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]+/g

/** Without characters that command a terminal or turn the direction of writing. */
export function oneLine(text: string): string {
  return text.replaceAll(commanding, ' ')
}

/** The same for a text of several lines. */
export function printable(text: string): string {
  return text.split('\n').map(oneLine).join('\n')
}
