import { hash } from 'node:crypto'
import { maxEntryBytes } from './entry.ts'

/** Bytes of every hash: SHA-256. */
export const hashBytes = 32

/** @see RFC 6962 section 2.1: the hash of an empty list */
export const emptyRoot = hash('sha256', '', 'buffer')

/** What is hashed next, with its prefix; entries are no longer. A buffer of its own for each would cost more than its copy. */
const leafInput = Buffer.alloc(1 + maxEntryBytes)

/** SHA-256(0x00 || entry); text is hashed as UTF-8. */
export function leafHash(entry: string | Uint8Array): Buffer {
  const bytes = typeof entry === 'string' ? Buffer.byteLength(entry) : entry.length
  const input = bytes < leafInput.length ? leafInput.subarray(0, 1 + bytes) : Buffer.alloc(1 + bytes)
  if (typeof entry === 'string') input.write(entry, 1)
  else input.set(entry, 1)
  return hash('sha256', input, 'buffer')
}

const nodeInput = Buffer.alloc(1 + 2 * hashBytes, 1)

/** SHA-256(0x01 || left || right). */
export function nodeHash(left: Uint8Array, right: Uint8Array): Buffer {
  nodeInput.set(left, 1)
  nodeInput.set(right, 1 + hashBytes)
  return hash('sha256', nodeInput, 'buffer')
}

/**
 * The root that an inclusion proof leads to.
 *
 * Positions are plain numbers up to 2^53, so they are halved by division: JavaScript's shifts end at 2^31.
 *
 * @param proof 32-byte hashes from the leaf's sibling up
 * @throws {Error} when the proof can't be one for this index and size
 * @see RFC 9162 section 2.1.3.2
 */
export function rootFromInclusion(index: number, size: number, leaf: Buffer, proof: readonly Buffer[]): Buffer {
  if (!isPosition(index) || !isPosition(size)) throw new Error(`index ${index} or size ${size} is no whole number below 2^53`)
  if (index >= size) throw new Error(`index ${index} lies beyond the tree of ${size} entries`)
  if (![leaf, ...proof].every(isHash)) throw new Error('a hash of the inclusion proof has not 32 bytes')
  let first = index
  let second = size - 1
  let root = leaf
  for (const sibling of proof) {
    if (second === 0) throw new Error('the inclusion proof has too many hashes')
    if (first % 2 === 1 || first === second) {
      root = nodeHash(sibling, root)
      while (first % 2 === 0 && first !== 0) {
        first /= 2
        second = half(second)
      }
    } else {
      root = nodeHash(root, sibling)
    }
    first = half(first)
    second = half(second)
  }
  if (second !== 0) throw new Error('the inclusion proof has too few hashes')
  return root
}

/** Whether the leaf stands at the index of the tree with this size and root. */
export function verifyInclusion(index: number, size: number, leaf: Buffer, proof: readonly Buffer[], root: Buffer): boolean {
  try {
    return rootFromInclusion(index, size, leaf, proof).equals(root)
  } catch {
    // a proof of the wrong length proves nothing
    return false
  }
}

/**
 * Whether the tree of `size2` entries begins with the tree of `size1` entries.
 *
 * An empty first tree is refused: every tree extends it, so a proof would say nothing.
 *
 * @see RFC 9162 section 2.1.4.2
 */
export function verifyConsistency(size1: number, size2: number, root1: Buffer, root2: Buffer, proof: readonly Buffer[]): boolean {
  if (!isPosition(size1) || !isPosition(size2) || size1 > size2 || !proof.every(isHash)) return false
  if (size1 === size2) return proof.length === 0 && root1.equals(root2) && (size1 > 0 || root1.equals(emptyRoot))
  if (size1 === 0 || proof.length === 0) return false
  let first = size1 - 1
  let second = size2 - 1
  while (first % 2 === 1) {
    first = half(first)
    second = half(second)
  }
  // a first tree whose size is a power of two is itself a node of the second: the proof needn't repeat its root
  const [start, ...rest] = first === 0 ? [root1, ...proof] : proof
  if (start === undefined) return false
  let old = start
  let present = start
  for (const sibling of rest) {
    if (second === 0) return false
    if (first % 2 === 1 || first === second) {
      old = nodeHash(sibling, old)
      present = nodeHash(sibling, present)
      while (first % 2 === 0 && first !== 0) {
        first /= 2
        second = half(second)
      }
    } else {
      present = nodeHash(present, sibling)
    }
    first = half(first)
    second = half(second)
  }
  return second === 0 && old.equals(root1) && present.equals(root2)
}

const half = (value: number) => Math.floor(value / 2)
const isPosition = (value: number) => Number.isSafeInteger(value) && value >= 0
const isHash = (value: Buffer) => value.length === hashBytes
