import { hash } from 'node:crypto'

// The definitions of RFC 6962 section 2.1 word by word and recursive: what the code is compared with.

export const sha256 = (...parts: Uint8Array[]) => hash('sha256', Buffer.concat(parts), 'buffer')

/** Leaf hashes of a log whose entries are the numbers from 0. */
export function someLeaves(size: number): Buffer[] {
  return Array.from({ length: size }, (_, index) => sha256(Buffer.of(0), Buffer.from(String(index))))
}

/** MTH, PATH and PROOF over the first `size` of these leaves; roots of ranges are remembered, or every pair would take minutes. */
export function referenceTree(leaves: readonly Buffer[]) {
  const known = new Map<string, Buffer>()

  function mth(from: number, to: number): Buffer {
    const [only] = leaves.slice(from, from + 1)
    if (from === to || only === undefined) return sha256()
    if (to - from === 1) return only
    const name = `${from}-${to}`
    const k = from + split(to - from)
    const root = known.get(name) ?? sha256(Buffer.of(1), mth(from, k), mth(k, to))
    known.set(name, root)
    return root
  }

  function path(index: number, from: number, to: number): Buffer[] {
    if (to - from === 1) return []
    const k = from + split(to - from)
    return index < k ? [...path(index, from, k), mth(k, to)] : [...path(index, k, to), mth(from, k)]
  }

  function subproof(size1: number, from: number, to: number, whole: boolean): Buffer[] {
    if (size1 === to) return whole ? [] : [mth(from, to)]
    const k = from + split(to - from)
    return size1 <= k ? [...subproof(size1, from, k, whole), mth(k, to)] : [...subproof(size1, k, to, false), mth(from, k)]
  }

  return {
    root: (size: number) => mth(0, size),
    inclusion: (index: number, size: number) => path(index, 0, size),
    consistency: (size1: number, size2: number) => subproof(size1, 0, size2, true),
  }
}

/** The largest power of two below n. */
function split(n: number): number {
  let k = 1
  while (k * 2 < n) k *= 2
  return k
}
