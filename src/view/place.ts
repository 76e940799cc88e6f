import { partitionOf } from '../bus/partition.ts'
import type { Rules } from '../catalogue/rules.ts'
import type { SubjectKey } from './histories.ts'
import type { Partition } from './positions.ts'

/** Where the bus puts the events of a subject. */
export function placeOf(rules: Rules, { kind, subject }: SubjectKey): Partition {
  const found = rules.kinds.get(kind)
  if (found === undefined) throw new Error(`the rules in force have no kind ${kind}`)
  return { topic: found.topic, partition: partitionOf(subject, found.partitions) }
}
