/** Whether a text has more characters than that: code points, as JSON Schema counts them, not UTF-16 units. */
export function isLonger(text: string, characters: number): boolean {
  if (text.length <= characters) return false
  return text.length > 2 * characters || [...text].length > characters
}
