/** Chance that comes again from its seed. */
export interface Chance {
  /** a whole number from 0 to below `limit` */
  below(limit: number): number
  one<T>(of: readonly [T, ...T[]]): T
  bytes(count: number): Buffer
}

/** @see https://gist.github.com/tommyettinger/46a874533244883189143505d203312c, mulberry32 */
export function chance(seed: number): Chance {
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return (mixed ^ (mixed >>> 14)) >>> 0
  }
  const below = (limit: number) => next() % limit
  return {
    below,
    one: (of) => of[below(of.length)] ?? of[0],
    bytes: (count) => Buffer.from(Array.from({ length: count }, () => below(256))),
  }
}
