/** Longer texts are matched against no pattern: what a pattern costs grows with them, and its bound is counted up to here. */
export const maxPatternText = 4096

/**
 * Whether a text is one of those that a pattern hides. One that is too long to be matched is: what nobody has looked at is not shown.
 *
 * @param pattern of a place that is restricted or personal; undefined hides every text
 */
export function isHidden(text: string, pattern: string | undefined): boolean {
  return pattern === undefined || text.length > maxPatternText || new RegExp(pattern, 'u').test(text)
}
