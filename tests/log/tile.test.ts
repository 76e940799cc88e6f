import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { verifyConsistency, verifyInclusion } from '../../src/log/merkle.ts'
import { emptyEdge, extend, type FullTile } from '../../src/log/right-edge.ts'
import { decodeBundle, encodeBundle, parseTilePath, tilePath, tilesOf, widthOf } from '../../src/log/tile.ts'
import { consistencyProof, inclusionProof, rootFromTiles, type TileReader } from '../../src/log/tile-proofs.ts'
import { referenceTree, someLeaves } from './reference-tree.ts'

const hex = (hashes: readonly Buffer[]) => hashes.map((hash) => hash.toString('hex')).join()
const paths = (size: number) => [...tilesOf(size)].map(tilePath)

describe('addresses of tiles', () => {
  test.each([
    [{ level: 0, n: 0, width: 256 }, 'tile/0/000'],
    [{ level: 0, n: 1000, width: 256 }, 'tile/0/x001/000'],
    [{ level: 1, n: 1_234_067, width: 5 }, 'tile/1/x001/x234/067.p/5'],
    [{ level: 'entries' as const, n: 999, width: 255 }, 'tile/entries/999.p/255'],
    [{ level: 0, n: 2 ** 45 - 1, width: 256 }, 'tile/0/x035/x184/x372/x088/831'],
  ])('%o is %s', (address, path) => {
    expect(tilePath(address)).toBe(path)
    expect(parseTilePath(path)).toEqual(address)
  })

  test('every other spelling is refused', () => {
    const refused = [
      'tile/0/0',
      'tile/0/0000',
      'tile/0/x000/001',
      'tile/0/001/000',
      'tile/0/x001',
      'tile/0/000.p/0',
      'tile/0/000.p/256',
    ]
    refused.push(
      'tile/0/000.p/05',
      'tile/00/000',
      'tile/7/000',
      'tile/-1/000',
      'tile/0/000/',
      '/tile/0/000',
      'tile/0/000.p/',
      'tile/0/000.p/1\n',
    )
    refused.push(
      'tile/Entries/000',
      'tile/0/x999/x999/x999/x999/x999/999',
      'tile/0/1e2',
      'tile/0/000.p/+1',
      'tile//000',
      'tile/0/x1/000',
    )
    expect(refused.filter((path) => parseTilePath(path) !== undefined)).toEqual([])
  })

  test('what is written can be read, whatever the address', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), fc.integer({ min: 1, max: 256 }), fc.integer({ min: 0, max: 6 }), (n, width, level) => {
        expect(parseTilePath(tilePath({ level, n, width }))).toEqual({ level, n, width })
      }),
    )
  })

  test('a tree of 256 entries has one full tile and one hash above it', () => {
    expect(paths(256)).toEqual(['tile/0/000', 'tile/1/000.p/1'])
    expect(paths(0)).toEqual([])
  })

  test('a tree of 70,000 entries has the tiles of the specification', () => {
    const all = paths(70_000)
    expect(all).toHaveLength(273 + 1 + 2 + 1)
    expect(all.slice(273)).toEqual(['tile/0/273.p/112', 'tile/1/000', 'tile/1/001.p/17', 'tile/2/000.p/1'])
  })

  test('the width of a tile follows from the size, at any size', () => {
    expect([widthOf(0, 273, 70_000), widthOf('entries', 273, 70_000), widthOf(1, 1, 70_000), widthOf(2, 0, 70_000)]).toEqual([
      112, 112, 17, 1,
    ])
    expect([widthOf(0, 274, 70_000), widthOf(2, 1, 70_000), widthOf(3, 0, 70_000)]).toEqual([0, 0, 0])
    expect(widthOf(6, 0, 2 ** 53 - 1)).toBe(31)
  })
})

describe('bundles', () => {
  test('entries come back as they were, empty and largest ones too', () => {
    const entries = ['', '联办', 'x'.repeat(65_535)]
    expect(decodeBundle(encodeBundle(entries), 3).map(String)).toEqual(entries)
    expect(encodeBundle(['ab']).toString('hex')).toBe('00026162')
    expect(() => encodeBundle(['x'.repeat(65_536)])).toThrow('does not fit')
  })

  test('a bundle with too few, cut or trailing bytes is refused', () => {
    const bundle = encodeBundle(['one', 'two'])
    expect(() => decodeBundle(bundle, 3)).toThrow('ends after 2 of 3')
    expect(() => decodeBundle(bundle.subarray(0, -1), 2)).toThrow('entry 1 of the bundle is cut off')
    expect(() => decodeBundle(bundle, 1)).toThrow('5 bytes follow the last of 1')
  })
})

/** Serves tiles of any width up to the size, as the log does. */
function tileReader(leaves: readonly Buffer[]): TileReader {
  const { fullTiles, edge } = leaves.length === 0 ? { fullTiles: [], edge: emptyEdge } : extend(emptyEdge, leaves)
  const full = new Map<string, FullTile>(fullTiles.map((tile) => [`${tile.level}/${tile.n}`, tile]))
  return async (level, n, width) =>
    (full.get(`${level}/${n}`)?.hashes ?? edge.tiles[level] ?? Buffer.alloc(0)).subarray(0, width * 32)
}

describe('proofs from tiles', () => {
  const leaves = someLeaves(70_000)
  const read = tileReader(leaves)

  test('roots, inclusion and consistency are those of the definition', async () => {
    const reference = referenceTree(leaves)
    for (const size of [...Array(34).keys(), 63, 64, 65, 100, 127, 128, 129, 255, 256, 257, 258, 299, 300].slice(1)) {
      expect(hex([await rootFromTiles(size, read)])).toBe(hex([reference.root(size)]))
      for (let at = 0; at < size; at += size < 66 ? 1 : 13) {
        expect(hex(await inclusionProof(at, size, read))).toBe(hex(reference.inclusion(at, size)))
        if (at > 0) expect(hex(await consistencyProof(at, size, read))).toBe(hex(reference.consistency(at, size)))
      }
    }
  })

  test('proofs across tile levels verify', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 70_000 }), fc.nat(), async (size, seed) => {
        const at = seed % size
        const root = await rootFromTiles(size, read)
        expect(verifyInclusion(at, size, leaves[at] ?? Buffer.alloc(0), await inclusionProof(at, size, read), root)).toBe(true)
        const earlier = await rootFromTiles(at, read)
        if (at > 0) expect(verifyConsistency(at, size, earlier, root, await consistencyProof(at, size, read))).toBe(true)
      }),
      { numRuns: 100 },
    )
  })

  test('each tile is read once, and a short one is an error', async () => {
    const seen: string[] = []
    const counting: TileReader = (level, n, width) => {
      seen.push(`${level}/${n}`)
      return read(level, n, width)
    }
    await inclusionProof(69_999, 70_000, counting)
    expect(seen).toEqual([...new Set(seen)])
    await expect(inclusionProof(5, 300, async (_, __, width) => Buffer.alloc(32 * (width - 1)))).rejects.toThrow('bytes, not')
    await expect(inclusionProof(5, 5, read)).rejects.toThrow('not in a tree of 5')
    await expect(consistencyProof(6, 5, read)).rejects.toThrow("can't begin with")
  })
})
