import { type IndexedName, nameBytes, nameHash, segmentOf, segmentPath } from '../export/index-segment.ts'
import type { Finding } from './finding.ts'

const nothing = '00'.repeat(nameBytes)

/** Compares what the index of subjects says of the entries of one bundle with what they say. */
export class IndexCheck {
  readonly #first: number
  readonly #said: Buffer

  /** @param said {@link nameBytes} for each entry */
  constructor(first: number, said: Uint8Array) {
    this.#first = first
    this.#said = Buffer.from(said.buffer, said.byteOffset, said.byteLength)
  }

  /** @param name under which the entry is to be found */
  compare(index: number, name: IndexedName | undefined): Finding | undefined {
    const at = (index - this.#first) * nameBytes
    const said = this.#said.toString('hex', at, at + nameBytes)
    const expected = name === undefined ? nothing : nameHash(name)
    if (said === expected) return undefined
    const segment = segmentPath(segmentOf(index))
    return { code: 'index', index, cause: `${segment} ${faultOf(said, expected)}` }
  }
}

function faultOf(said: string, expected: string): string {
  if (said === nothing) return 'lacks it, so nobody finds it there'
  return expected === nothing
    ? 'has it, though it is neither about a subject nor a key or a catalogue'
    : 'has it under a name that is not its own'
}
