/** A count is compared with what it was this long ago. */
const windowMs = 600_000
/** Growth by fewer is noise: somebody is already told of each new group. */
const growthEvents = 100

/** Tells of counts that grow and grow. */
export class Growth {
  readonly #samples = new Map<string, { readonly atMs: number; readonly count: number }[]>()

  /**
   * @param nowMs of a clock that doesn't jump
   * @returns what the count was at the beginning of the window, when it has grown by a hundred or more since and is at its highest
   */
  observe(about: string, count: number, nowMs: number): number | undefined {
    const samples = (this.#samples.get(about) ?? []).filter(({ atMs }) => nowMs - atMs <= windowMs)
    const highest = Math.max(0, ...samples.map((sample) => sample.count))
    samples.push({ atMs: nowMs, count })
    this.#samples.set(about, samples)
    const [first] = samples
    return first !== undefined && count - first.count >= growthEvents && count >= highest ? first.count : undefined
  }
}
