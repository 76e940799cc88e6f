import type { Checkpoint } from '../../log/checkpoint.ts'
import { hashBytes } from '../../log/merkle.ts'
import { tileWidth } from '../../log/right-edge.ts'
import type { Finding } from './finding.ts'
import type { TreeCheck } from './tree-check.ts'

/** Whether the log continues what the auditor saw at the last visit. */
export class VisitCheck {
  readonly #before: Checkpoint | undefined
  readonly #found: (finding: Finding) => void
  #done: boolean

  /** @param done in an earlier run that this one goes on from */
  constructor(before: Checkpoint | undefined, found: (finding: Finding) => void, done = false) {
    this.#before = before
    this.#found = found
    this.#done = done
  }

  get done(): boolean {
    return this.#done
  }

  /** Before any entry is looked at. */
  begin({ size, root }: Checkpoint): void {
    const before = this.#before
    if (before === undefined || this.#done || size >= before.size) return
    const cause = `it has ${size} entries and the root ${base64(root)}; at the last visit it had ${before.size} and ${base64(before.root)}`
    this.#found({ code: 'shrunk', index: null, cause })
    this.#done = true
  }

  /**
   * Compares as soon as the last visit's size is reached.
   *
   * @param leaves of bundle `n`, which the tree does not have yet
   */
  pass(n: number, leaves: Buffer, tree: TreeCheck): void {
    if (this.#before === undefined || this.#done) return
    const within = this.#before.size - n * tileWidth
    if (within > leaves.length / hashBytes || (within === tileWidth && leaves.length === tileWidth * hashBytes)) return
    this.#compare(tree.rootWith(leaves.subarray(0, within * hashBytes)), this.#before)
  }

  /** @param root of the whole log, when the last visit's was no shorter */
  finish(root: Buffer): void {
    if (this.#before !== undefined && !this.#done) this.#compare(root, this.#before)
  }

  #compare(root: Buffer, before: Checkpoint): void {
    this.#done = true
    if (root.equals(before.root)) return
    const cause = `its first ${before.size} entries have the root ${base64(root)}; at the last visit they had ${base64(before.root)}`
    this.#found({ code: 'fork', index: null, cause })
  }
}

const base64 = (hash: Buffer) => hash.toString('base64')
