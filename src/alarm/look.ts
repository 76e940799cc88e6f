import type { AlarmKind, Finding } from './alarm.ts'

/** Something that is looked at again and again: what it finds is raised, and what it finds no more is cleared. */
export interface Condition {
  readonly kind: AlarmKind
  find(look: Look): Promise<readonly Finding[]>
}

/**
 * One look at everything. A view that can't be read in it is left alone for the rest of it, and keeps nobody from looking at
 * the others.
 */
export class Look {
  readonly #faults = new Map<string, unknown>()

  /** What went wrong, by bureau: what was found of its view before still stands. */
  get faults(): ReadonlyMap<string, unknown> {
    return this.#faults
  }

  note(bureau: string, fault: unknown): void {
    this.#faults.set(bureau, fault)
  }

  /** @param find asked for one view after the other: nobody waits, and each may read a lot */
  async eachView<V, Found = Finding>(
    views: readonly (readonly [string, V])[],
    find: (bureau: string, view: V) => Promise<readonly Found[]>,
  ): Promise<readonly Found[]> {
    const found: Found[] = []
    for (const [bureau, view] of views) {
      // it may have taken a timeout to know
      if (this.#faults.has(bureau)) continue
      try {
        found.push(...(await find(bureau, view)))
      } catch (error) {
        this.note(bureau, error)
      }
    }
    return found
  }
}
