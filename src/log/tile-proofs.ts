import { emptyRoot, hashBytes, nodeHash } from './merkle.ts'
import { heightsPerLevel, subtreeRoot, tileWidth } from './right-edge.ts'
import { widthOf } from './tile.ts'

/** Reads the first `width` hashes of a tile: width * 32 bytes. */
export type TileReader = (level: number, n: number, width: number) => Promise<Buffer>

/** The node over the leaves [position * 2^height, (position + 1) * 2^height). */
interface Node {
  readonly height: number
  readonly position: number
}

/** The inclusion proof of an entry in the tree of any size above its index. Reads at most two tiles per level. */
export async function inclusionProof(index: number, size: number, read: TileReader): Promise<Buffer[]> {
  if (!(index >= 0 && index < size)) throw new Error(`entry ${index} is not in a tree of ${size} entries`)
  return resolve(pathFrom({ height: 0, position: index }, size), size, read)
}

/** The proof that the tree of `size2` entries begins with that of `size1`; empty where there is nothing to prove. */
export async function consistencyProof(size1: number, size2: number, read: TileReader): Promise<Buffer[]> {
  if (!(size1 >= 0 && size1 <= size2)) throw new Error(`a tree of ${size2} entries can't begin with one of ${size1}`)
  if (size1 === 0 || size1 === size2) return []
  let height = 0
  while (size1 % 2 ** (height + 1) === 0) height++
  const last: Node = { height, position: size1 / 2 ** height - 1 }
  const path = pathFrom(last, size2)
  return resolve(last.position === 0 ? path : [[last], ...path], size2, read)
}

/** The root of the tree of any size up to what the tiles hold. */
export async function rootFromTiles(size: number, read: TileReader): Promise<Buffer> {
  if (size === 0) return emptyRoot
  const [root] = await resolve([wholeNodes(0, size)], size, read)
  return root ?? emptyRoot
}

/**
 * The siblings on the way from a node to the root: each a list of whole nodes, largest first, that fold from the right
 * into one hash (more than one only at the ragged right side of the tree).
 */
function pathFrom(from: Node, size: number): Node[][] {
  const path: Node[][] = []
  let { position } = from
  for (let height = from.height; 2 ** height < size; height++, position = Math.floor(position / 2)) {
    const sibling = position % 2 === 0 ? position + 1 : position - 1
    if ((sibling + 1) * 2 ** height <= size) path.push([{ height, position: sibling }])
    else if (sibling * 2 ** height < size) path.push(wholeNodes(sibling * 2 ** height, size))
  }
  return path
}

/** The perfect subtrees that make up the leaves [from, to), largest first; `from` is where one as large may begin. */
function wholeNodes(from: number, to: number): Node[] {
  const nodes: Node[] = []
  let at = from
  while (at < to) {
    let height = 0
    while (2 ** (height + 1) <= to - at) height++
    nodes.push({ height, position: at / 2 ** height })
    at += 2 ** height
  }
  return nodes
}

async function resolve(path: readonly Node[][], size: number, read: TileReader): Promise<Buffer[]> {
  const tiles = new Map<string, Promise<Buffer>>()
  const hashOf = async ({ height, position }: Node): Promise<Buffer> => {
    const level = Math.floor(height / heightsPerLevel)
    const count = 2 ** (height % heightsPerLevel)
    const n = Math.floor((position * count) / tileWidth)
    const tile = await tileOnce(tiles, level, n, widthOf(level, n, size), read)
    return subtreeRoot(tile, (position * count) % tileWidth, count)
  }
  return Promise.all(
    path.map(async (nodes) => {
      const hashes = await Promise.all(nodes.map(hashOf))
      return hashes.reduceRight((right, left) => nodeHash(left, right))
    }),
  )
}

async function tileOnce(
  tiles: Map<string, Promise<Buffer>>,
  level: number,
  n: number,
  width: number,
  read: TileReader,
): Promise<Buffer> {
  const name = `${level}/${n}`
  const reading = tiles.get(name) ?? read(level, n, width)
  tiles.set(name, reading)
  const tile = await reading
  if (tile.length !== width * hashBytes) throw new Error(`tile ${name} has ${tile.length} bytes, not ${width * hashBytes}`)
  return tile
}
