import { readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { emptyRoot, leafHash, rootFromInclusion, verifyConsistency, verifyInclusion } from '../../src/log/merkle.ts'
import { referenceTree, sha256, someLeaves } from './reference-tree.ts'

interface Vector {
  readonly file: string
  readonly proof?: readonly string[] | null
  readonly wantErr: boolean
  readonly root: string
  readonly leafHash: string
  readonly leafIdx: number
  readonly treeSize: number
  readonly size1: number
  readonly size2: number
  readonly root1: string
  readonly root2: string
}

function vectors(name: string): [string, Vector][] {
  const all: Vector[] = JSON.parse(readFileSync(path.join(import.meta.dirname, '../fixtures/vectors', name), 'utf8'))
  return all.map((vector) => [vector.file, vector])
}
const bytes = (base64: string | null) => Buffer.from(base64 ?? '', 'base64')
const proofOf = (vector: Vector) => (vector.proof ?? []).map(bytes)

describe('published inclusion vectors', () => {
  test.each(vectors('merkle-inclusion.json'))('%s', (_, vector) => {
    const { leafIdx, treeSize, leafHash: leaf, root, wantErr } = vector
    expect(verifyInclusion(leafIdx, treeSize, bytes(leaf), proofOf(vector), bytes(root))).toBe(!wantErr)
  })
})

describe('published consistency vectors', () => {
  test.each(vectors('merkle-consistency.json'))('%s', (_, vector) => {
    const { size1, size2, root1, root2, wantErr } = vector
    expect(verifyConsistency(size1, size2, bytes(root1), bytes(root2), proofOf(vector))).toBe(!wantErr)
  })
})

describe('hashes', () => {
  test('the empty tree has the hash of nothing', () => {
    expect(emptyRoot.toString('base64')).toBe('47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=')
  })

  test('an entry hashes the same as text and as its UTF-8 bytes', () => {
    for (const entry of ['', 'abc', '联办 𠮷']) {
      expect(leafHash(entry)).toEqual(sha256(Buffer.of(0), Buffer.from(entry)))
      expect(leafHash(Buffer.from(entry))).toEqual(leafHash(entry))
    }
  })
})

describe('verification', () => {
  const leaves = someLeaves(302)
  const leaf = (index: number) => leaves[index] ?? Buffer.alloc(0)
  const { root, inclusion, consistency } = referenceTree(leaves)

  test('takes the proof of every entry of every tree up to 300, and for no other entry', () => {
    let failures = 0
    for (let size = 1; size <= 300; size++) {
      for (let index = 0; index < size; index++) {
        const proof = inclusion(index, size)
        if (!verifyInclusion(index, size, leaf(index), proof, root(size))) failures++
        if (verifyInclusion(index, size, leaf(index + 1), proof, root(size))) failures++
        if (verifyInclusion(index ^ 1, size, leaf(index), proof, root(size)) && size > 1) failures++
      }
    }
    expect(failures).toBe(0)
  })

  test('takes the proof between every two trees up to 300, and from no other tree', () => {
    let failures = 0
    for (let size2 = 1; size2 <= 300; size2++) {
      for (let size1 = 1; size1 <= size2; size1++) {
        const proof = consistency(size1, size2)
        if (!verifyConsistency(size1, size2, root(size1), root(size2), proof)) failures++
        if (verifyConsistency(size1, size2, root(size1 - 1), root(size2), proof)) failures++
        if (verifyConsistency(size1, size2, root(size1), root(size2 + 1), proof)) failures++
      }
    }
    expect(failures).toBe(0)
  })
})

describe('trees larger than 2^32', () => {
  const size = 2 ** 53 - 1
  const hashes = Array.from({ length: 53 }, (_, height) => sha256(Buffer.of(height)))

  test('the first leaf of the largest tree has 53 siblings, no fewer and no more', () => {
    const leaf = leafHash('x')
    const root = rootFromInclusion(0, size, leaf, hashes)
    expect(verifyInclusion(0, size, leaf, hashes, root)).toBe(true)
    expect(() => rootFromInclusion(0, size, leaf, hashes.slice(1))).toThrow('too few hashes')
    expect(() => rootFromInclusion(0, size, leaf, [...hashes, leaf])).toThrow('too many hashes')
    expect(verifyInclusion(2 ** 32, size, leaf, hashes, root)).toBe(false)
  })

  test('positions that a number cannot hold are refused', () => {
    expect(() => rootFromInclusion(0, 2 ** 53, leafHash('x'), hashes)).toThrow('no whole number below 2^53')
    expect(() => rootFromInclusion(1.5, 4, leafHash('x'), hashes.slice(0, 2))).toThrow('no whole number')
    expect(() => rootFromInclusion(-1, 4, leafHash('x'), hashes.slice(0, 2))).toThrow('no whole number')
    expect(verifyConsistency(1, 2 ** 53, emptyRoot, emptyRoot, hashes)).toBe(false)
  })
})
