import type { Partition } from '../view/positions.ts'
import type { Head } from './heads.ts'

/** As many transactions at once as keep one core busy with folding and another with storing. */
const lanes = 2

/** Spreads subjects so that those of one partition share a lane: lanes never wait for each other's positions. */
export function inLanes(heads: readonly Head[], partitionOf: (head: Head) => Partition): readonly (readonly Head[])[] {
  const spread: Head[][] = Array.from({ length: lanes }, () => [])
  for (const head of heads) spread[partitionOf(head).partition % lanes]?.push(head)
  return spread.filter((lane) => lane.length > 0)
}
