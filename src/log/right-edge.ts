import { emptyRoot, hashBytes, nodeHash } from './merkle.ts'

/** Hashes in a full tile. */
export const tileWidth = 256
/** Levels of the tree that one level of tiles takes in: 2^8 hashes. */
export const heightsPerLevel = 8

/**
 * All that is needed of a tree to append to it: the unfinished tiles along its right side.
 *
 * About 60 KB at most, so a gateway keeps it in memory and reads it again when another gateway has appended.
 */
export interface RightEdge {
  readonly size: number
  /** by tile level: floor(size / 256^level) mod 256 hashes, joined; levels without a hash at the end may be left out */
  readonly tiles: readonly Buffer[]
  /** by height: the perfect subtree of 2^height leaves that ends the tree there, undefined where size has no such bit */
  readonly frontier: readonly (Buffer | undefined)[]
}

export interface FullTile {
  readonly level: number
  readonly n: number
  /** 8,192 bytes */
  readonly hashes: Buffer
  /** what stands for this tile one level up */
  readonly root: Buffer
}

export interface Extended {
  readonly edge: RightEdge
  readonly root: Buffer
  /** tiles that this batch completed, lower levels first, then by n */
  readonly fullTiles: readonly FullTile[]
  /** Inclusion proof of one of the batch's leaves, by its index in the log, in the tree of the new size. */
  proofOf(index: number): Buffer[]
}

export const emptyEdge: RightEdge = { size: 0, tiles: [], frontier: [] }

/** Hashes that {@link rightEdge} needs at one tile level: `from` inclusive, `to` exclusive. */
export interface EdgeRange {
  readonly level: number
  readonly from: number
  readonly to: number
}

/**
 * What to read to find the edge of a stored tree. Level 0: leaf hashes by entry index. Level l above: the roots of the
 * full tiles (l - 1, from) to (l - 1, to - 1). Levels that need nothing are left out.
 */
export function edgeRanges(size: number): EdgeRange[] {
  const ranges: EdgeRange[] = []
  for (let level = 0, to = size; to > 0; level++, to = Math.floor(to / tileWidth)) {
    if (to % tileWidth > 0) ranges.push({ level, from: to - (to % tileWidth), to })
  }
  return ranges
}

/** @param tiles by level, as in {@link RightEdge.tiles} */
export function rightEdge(size: number, tiles: readonly Buffer[]): RightEdge {
  const frontier: (Buffer | undefined)[] = []
  for (let level = 0, left = size; left > 0; level++, left = Math.floor(left / tileWidth)) {
    const width = left % tileWidth
    const tile = tiles[level] ?? Buffer.alloc(0)
    if (tile.length !== width * hashBytes) {
      throw new Error(
        `a tree of ${size} entries has ${width} hashes at its edge on level ${level}, not ${tile.length / hashBytes}`,
      )
    }
    for (let bit = 0; bit < heightsPerLevel; bit++) {
      const count = 2 ** bit
      const from = width - (width % (2 * count))
      frontier[level * heightsPerLevel + bit] = width & count ? subtreeRoot(tile, from, count) : undefined
    }
  }
  return { size, tiles, frontier }
}

/** The root of `count` hashes of a tile, count a power of two. */
export function subtreeRoot(tile: Buffer, from: number, count: number): Buffer {
  if (count === 1) return tile.subarray(from * hashBytes, (from + 1) * hashBytes)
  return nodeHash(subtreeRoot(tile, from, count / 2), subtreeRoot(tile, from + count / 2, count / 2))
}

/** Hashes of the perfect subtrees that make up the tree, largest first, joined: `head.frontier`. */
export function frontierBytes(edge: RightEdge): Buffer {
  return Buffer.concat(edge.frontier.filter((node) => node !== undefined).reverse())
}

export function rootOfEdge(edge: RightEdge): Buffer {
  return raggedRoots(edge.frontier).at(-1) ?? emptyRoot
}

/**
 * Appends leaves. Costs one hash per leaf, as every append does, and reads nothing: each proof is picked out of the
 * nodes that were made on the way.
 *
 * @param leaves leaf hashes, one or more
 */
export function extend(edge: RightEdge, leaves: readonly Buffer[]): Extended {
  const size = edge.size + leaves.length
  if (!Number.isSafeInteger(size)) throw new Error('the log is full: sizes end at 2^53')
  const { rows, frontier } = grow(edge, leaves)
  const ragged = raggedRoots(frontier)
  const { tiles, fullTiles } = fillTiles(edge, rows)
  return {
    edge: { size, tiles, frontier },
    root: ragged.at(-1) ?? emptyRoot,
    fullTiles,
    proofOf: (index) => {
      if (!(index >= edge.size && index < size)) throw new Error(`entry ${index} is none of this batch's`)
      return pickProof(rows, ragged, index - edge.size)
    },
  }
}

/** Nodes of one height, from the first new one on; preceded by the old left sibling of the first one if it has one. */
interface Row {
  readonly nodes: readonly Buffer[]
  /** 1 when the first node is an old one */
  readonly old: 0 | 1
}

function grow(edge: RightEdge, leaves: readonly Buffer[]): { rows: Row[]; frontier: (Buffer | undefined)[] } {
  const rows: Row[] = []
  const frontier: (Buffer | undefined)[] = []
  let fresh = leaves
  for (let height = 0; fresh.length > 0 || height < edge.frontier.length; height++) {
    const before = edge.frontier[height]
    const nodes = before === undefined ? fresh : [before, ...fresh]
    rows.push({ nodes, old: before === undefined ? 0 : 1 })
    frontier.push(nodes.length % 2 === 1 ? nodes.at(-1) : undefined)
    fresh = pairs(nodes)
  }
  return { rows, frontier }
}

function pairs(nodes: readonly Buffer[]): Buffer[] {
  const parents: Buffer[] = []
  let left: Buffer | undefined
  for (const node of nodes) {
    if (left === undefined) {
      left = node
      continue
    }
    parents.push(nodeHash(left, node))
    left = undefined
  }
  return parents
}

/**
 * By height h: the root of the leaves right of the last node whose height is at least h, undefined where there are
 * none; the last one is the root of the tree.
 */
function raggedRoots(frontier: readonly (Buffer | undefined)[]): (Buffer | undefined)[] {
  const ragged: (Buffer | undefined)[] = [undefined]
  for (const node of frontier) {
    const right = ragged.at(-1)
    ragged.push(node !== undefined && right !== undefined ? nodeHash(node, right) : (node ?? right))
  }
  return ragged
}

function pickProof(rows: readonly Row[], ragged: readonly (Buffer | undefined)[], offset: number): Buffer[] {
  const proof: Buffer[] = []
  let fresh = offset
  for (const [height, { nodes, old }] of rows.entries()) {
    const at = fresh + old
    const beside = at % 2 === 0 ? at + 1 : at - 1
    // the sibling is a whole node, or the ragged rest of the tree, or there is nothing on that side
    const sibling = beside === nodes.length ? ragged[height] : nodes[beside]
    if (sibling !== undefined) proof.push(sibling)
    fresh = Math.floor(at / 2)
  }
  return proof
}

function fillTiles(edge: RightEdge, rows: readonly Row[]): { tiles: Buffer[]; fullTiles: FullTile[] } {
  const tiles: Buffer[] = []
  const fullTiles: FullTile[] = []
  for (
    let level = 0, before = edge.size;
    level * heightsPerLevel < rows.length;
    level++, before = Math.floor(before / tileWidth)
  ) {
    const hashes = Buffer.concat([edge.tiles[level] ?? Buffer.alloc(0), ...freshNodes(rows, level)])
    const roots = freshNodes(rows, level + 1)
    const full = Math.floor(hashes.length / (tileWidth * hashBytes))
    if (full !== roots.length) throw new Error(`the edge of the tree does not fit its size at level ${level}`)
    for (const [place, root] of roots.entries()) {
      const n = Math.floor(before / tileWidth) + place
      fullTiles.push({
        level,
        n,
        hashes: hashes.subarray(place * tileWidth * hashBytes, (place + 1) * tileWidth * hashBytes),
        root,
      })
    }
    tiles.push(hashes.subarray(full * tileWidth * hashBytes))
  }
  return { tiles, fullTiles }
}

function freshNodes(rows: readonly Row[], level: number): readonly Buffer[] {
  const row = rows[level * heightsPerLevel]
  return row === undefined ? [] : row.nodes.slice(row.old)
}
