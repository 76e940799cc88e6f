import { hash } from 'node:crypto'

// The definitions of RFC 6962 section 2.1 and RFC 9162 section 2.1 word by word, slow and recursive: what the code is compared with.

export const sha256 = (...parts: Uint8Array[]) => hash('sha256', Buffer.concat(parts), 'buffer')

const node = (left: Buffer, right: Buffer) => sha256(Buffer.of(1), left, right)

/** @param leaves leaf hashes */
export function rootOf(leaves: readonly Buffer[]): Buffer {
  const [first] = leaves
  if (first === undefined) return sha256()
  if (leaves.length === 1) return first
  const k = split(leaves.length)
  return node(rootOf(leaves.slice(0, k)), rootOf(leaves.slice(k)))
}

export function inclusionPath(m: number, leaves: readonly Buffer[]): Buffer[] {
  if (leaves.length === 1) return []
  const k = split(leaves.length)
  return m < k
    ? [...inclusionPath(m, leaves.slice(0, k)), rootOf(leaves.slice(k))]
    : [...inclusionPath(m - k, leaves.slice(k)), rootOf(leaves.slice(0, k))]
}

export function consistencyPath(m: number, leaves: readonly Buffer[], whole = true): Buffer[] {
  if (m === leaves.length) return whole ? [] : [rootOf(leaves)]
  const k = split(leaves.length)
  return m <= k
    ? [...consistencyPath(m, leaves.slice(0, k), whole), rootOf(leaves.slice(k))]
    : [...consistencyPath(m - k, leaves.slice(k), false), rootOf(leaves.slice(0, k))]
}

/** The largest power of two below n. */
function split(n: number): number {
  let k = 1
  while (k * 2 < n) k *= 2
  return k
}

/** Leaf hashes of a log whose entries are the numbers from 0. */
export function someLeaves(size: number): Buffer[] {
  return Array.from({ length: size }, (_, index) => sha256(Buffer.of(0), Buffer.from(String(index))))
}
