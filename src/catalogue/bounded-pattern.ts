import { maxPatternText } from '../domain/hiding-pattern.ts'

/** Ways to match that the engine may have to try for one text: well below a millisecond. */
const maxWays = 16_384

/** A pattern that can't be made slow, as Ajv wants it: a text that is too long matches none, since nothing that a pattern describes is. */
export class BoundedPattern {
  readonly #regExp: RegExp

  constructor(pattern: string, flags = 'u') {
    this.#regExp = new RegExp(pattern, flags)
  }

  test(text: string): boolean {
    return text.length <= maxPatternText && this.#regExp.test(text)
  }

  /** Ajv takes two patterns that say the same for one. */
  toString(): string {
    return this.#regExp.toString()
  }
}

/** Ajv's option: how it makes its regular expressions. */
export const boundedRegExp = Object.assign((pattern: string, flags: string) => new BoundedPattern(pattern, flags), {
  code: 'boundedRegExp',
})

/**
 * Why a pattern could be made slow by a text made for it; undefined when it can't be, or is no pattern at all.
 *
 * JavaScript tries one way to match after another. This counts an upper bound of the ways that there are: a variable
 * repetition has as many as it has lengths, one after another multiply, alternatives add up, and without `^` each place
 * of the text begins them anew. It refuses some that are harmless; each of those can be said otherwise.
 *
 * @param pattern that `new RegExp(pattern, 'u')` takes
 */
export function slowness(pattern: string): string | undefined {
  try {
    const reader = new PatternReader(pattern)
    const ways = reader.alternatives() * (reader.anchored ? 1 : maxPatternText)
    return ways <= maxWays ? undefined : `the pattern ${pattern} could be made slow: ${remedy}`
  } catch (error) {
    if (error instanceof Unbounded) return `the pattern ${pattern} could be made slow: it has ${error.message}`
    throw error
  }
}

const remedy = 'begin it with ^, say how often parts repeat ({1,64} rather than +), and repeat nothing that repeats inside'

class Unbounded extends Error {}

/** Reads the syntax of RegExp with the flag u as far as it changes how many ways there are. */
class PatternReader {
  readonly #pattern: string
  #at = 0
  /** whether every alternative of the whole begins with `^` */
  anchored = true

  constructor(pattern: string) {
    this.#pattern = pattern
  }

  /** @returns ways of everything up to the next `)` or the end */
  alternatives(depth = 0): number {
    let ways = 0
    do {
      if (depth === 0 && this.#pattern[this.#at] !== '^') this.anchored = false
      ways += this.#sequence(depth)
    } while (this.#take('|'))
    return ways
  }

  #sequence(depth: number): number {
    let ways = 1
    while (this.#at < this.#pattern.length && !'|)'.includes(this.#pattern[this.#at] ?? '')) {
      const atom = this.#atom(depth)
      ways *= repeated(atom, this.#quantifier())
    }
    return ways
  }

  #atom(depth: number): number {
    const character = this.#pattern[this.#at++]
    if (character === '(') return this.#group(depth)
    if (character === '[') this.#class()
    if (character === '\\') this.#escape()
    return 1
  }

  #group(depth: number): number {
    if (/^\?<?[=!]/.test(this.#pattern.slice(this.#at, this.#at + 3))) throw new Unbounded('a look to either side, (?=…')
    const naming = /^\?(:|<[^>]*>)/.exec(this.#pattern.slice(this.#at))
    this.#at += naming?.[0].length ?? 0
    const ways = this.alternatives(depth + 1)
    this.#take(')')
    return ways
  }

  /** With the flag u a class ends at the first bracket that no backslash stands before. */
  #class(): void {
    while (this.#at < this.#pattern.length && !this.#take(']')) this.#at += this.#pattern[this.#at] === '\\' ? 2 : 1
  }

  #escape(): void {
    const [text = ''] = /^([pP]\{[^}]*\}|u\{[^}]*\}|k<[^>]*>|[1-9]\d*|.)/su.exec(this.#pattern.slice(this.#at)) ?? []
    if (/^(k<|[1-9])/.test(text)) throw new Unbounded('a reference back to a group')
    this.#at += text.length
  }

  #quantifier(): { readonly least: number; readonly most: number } {
    const [text = '', star, least, comma, most] = /^(?:([*+?])|\{(\d+)(,)?(\d*)\})\??/.exec(this.#pattern.slice(this.#at)) ?? []
    this.#at += text.length
    if (text === '') return { least: 1, most: 1 }
    if (star !== undefined) return { least: star === '+' ? 1 : 0, most: star === '?' ? 1 : maxPatternText }
    const from = Number(least)
    return { least: from, most: comma === undefined ? from : most ? Number(most) : maxPatternText }
  }

  #take(character: string): boolean {
    const isNext = this.#pattern[this.#at] === character
    if (isNext) this.#at += 1
    return isNext
  }
}

/** Each number of repetitions is a way of its own, with every way of each repetition. */
function repeated(ways: number, { least, most }: { least: number; most: number }): number {
  if (ways === 1) return Math.max(1, Math.min(most, maxPatternText) - least + 1)
  let sum = 0
  for (let count = least; count <= most && sum <= maxWays; count++) sum += ways ** count
  return sum
}
