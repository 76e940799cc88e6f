import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { verifyInclusion } from '../../src/log/merkle.ts'
import {
  edgeRanges,
  emptyEdge,
  extend,
  type FullTile,
  frontierBytes,
  type RightEdge,
  rightEdge,
  rootOfEdge,
} from '../../src/log/right-edge.ts'
import { caughtUp } from '../../src/log/tile-store.ts'
import { referenceTree, someLeaves } from './reference-tree.ts'

const leaves = someLeaves(70_000)

/** Appends in batches that end at the given sizes. */
function grown(ends: readonly number[], from: RightEdge = emptyEdge): { edge: RightEdge; tiles: FullTile[] } {
  let edge = from
  const tiles: FullTile[] = []
  for (const end of ends) {
    const extended = extend(edge, leaves.slice(edge.size, end))
    edge = extended.edge
    tiles.push(...extended.fullTiles)
  }
  return { edge, tiles }
}

// comparing buffers element by element is what takes a test's time
const hex = (...hashes: readonly Buffer[]) => hashes.map((hash) => hash.toString('hex')).join()
const names = (tiles: readonly FullTile[]) => tiles.map(({ level, n }) => `${level}/${n}`).sort()

describe('appending to a tree', () => {
  test('every batch up to 40 leaves gives the root and proofs of the definition', () => {
    const reference = referenceTree(leaves)
    for (let size = 1; size <= 40; size++) {
      for (let start = 0; start < size; start++) {
        const { edge, root, proofOf } = extend(grown([start]).edge, leaves.slice(start, size))
        expect(hex(root)).toBe(hex(reference.root(size)))
        expect(hex(rootOfEdge(edge))).toBe(hex(root))
        for (let index = start; index < size; index++)
          expect(hex(...proofOf(index))).toBe(hex(...reference.inclusion(index, size)))
        expect(() => proofOf(start - 1)).toThrow("none of this batch's")
        expect(() => proofOf(size)).toThrow("none of this batch's")
      }
    }
  })

  test('an edge that catches up with others is that of the whole tree; with leaves missing or another past it is none', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 600 }), fc.integer({ min: 1, max: 600 }), (start, more) => {
        const before = grown([start]).edge
        const size = start + more
        const { edge } = grown([size])
        const root = rootOfEdge(edge)
        const since = leaves.slice(start, size)
        const found = caughtUp(before, since, root)
        expect(hex(...(found?.tiles ?? []))).toBe(hex(...edge.tiles))
        expect(found && frontierBytes(found)).toEqual(frontierBytes(edge))
        expect(caughtUp(before, since.slice(0, -1), root)).toBeUndefined()
        expect(caughtUp(before, since.toReversed(), root)).toEqual(more === 1 ? found : undefined)
      }),
      { numRuns: 50 },
    )
  })

  test('any split into batches gives the same edge, root and tiles', () => {
    const { edge: whole, tiles } = grown([1500])
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 1499 }), { maxLength: 8 }), (cuts) => {
        const split = grown([...cuts.sort((a, b) => a - b), 1500])
        expect(hex(...split.edge.tiles)).toBe(hex(...whole.tiles))
        expect(frontierBytes(split.edge)).toEqual(frontierBytes(whole))
        expect(names(split.tiles)).toEqual(names(tiles))
      }),
      { numRuns: 50 },
    )
  })

  test('proofs of a batch on a large tree verify', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 69_000 }), fc.integer({ min: 1, max: 600 }), (start, count) => {
        const { root, proofOf, edge } = extend(grown([start]).edge, leaves.slice(start, start + count))
        for (const index of [start, start + Math.floor(count / 2), start + count - 1]) {
          expect(verifyInclusion(index, edge.size, leaves[index] ?? Buffer.alloc(0), proofOf(index), root)).toBe(true)
        }
      }),
      { numRuns: 5 },
    )
  })

  test('a tree of 70,000 has 273 full tiles and one above, and each root is what its hashes give', () => {
    const { edge, tiles } = grown([300, 65_535, 65_536, 70_000])
    expect(tiles.filter(({ level }) => level === 0)).toHaveLength(273)
    expect(tiles.filter(({ level }) => level === 1).map(({ n }) => n)).toEqual([0])
    expect(edge.tiles.map((tile) => tile.length / 32)).toEqual([112, 17, 1])
    for (const { level, n, hashes, root } of tiles) {
      expect(hashes.length).toBe(8192)
      if (level === 0) expect(hashes.equals(Buffer.concat(leaves.slice(n * 256, (n + 1) * 256)))).toBe(true)
      const parts = Array.from({ length: 256 }, (_, place) => hashes.subarray(place * 32, (place + 1) * 32))
      expect(hex(root)).toBe(hex(referenceTree(parts).root(256)))
    }
  })

  test('an edge read back from leaves and tile roots goes on like the one in memory', () => {
    for (const size of [1, 255, 256, 257, 65_536, 65_537, 66_000]) {
      const { edge, tiles } = grown([size])
      const read: Buffer[] = []
      for (const { level, from, to } of edgeRanges(size)) {
        while (read.length < level) read.push(Buffer.alloc(0))
        const roots = tiles.filter((tile) => tile.level === level - 1 && tile.n >= from && tile.n < to).map(({ root }) => root)
        read.push(Buffer.concat(level === 0 ? leaves.slice(from, to) : roots))
      }
      const again = rightEdge(size, read)
      expect(rootOfEdge(again)).toEqual(rootOfEdge(edge))
      expect(frontierBytes(again)).toEqual(frontierBytes(edge))
      expect(hex(...grown([size + 300], again).edge.tiles)).toBe(hex(...grown([size + 300], edge).edge.tiles))
    }
  })

  test('an edge that does not fit its size is refused', () => {
    expect(() => rightEdge(3, [Buffer.alloc(64)])).toThrow('has 3 hashes at its edge on level 0, not 2')
    expect(() => rightEdge(256, [])).toThrow('has 1 hashes at its edge on level 1, not 0')
  })
})
