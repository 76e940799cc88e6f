import { type FoundEntries, stretchesText } from '../recovery/found-entries.ts'
import type { Gathered } from '../recovery/gather.ts'
import type { TakenBack } from '../recovery/recovery.ts'
import type { RestoredLog } from '../recovery/restored-log.ts'
import type { SignedCheckpoints } from '../recovery/signed-checkpoints.ts'
import { tableText } from './table.ts'

// What `log recover` says.

export function surveyText(restored: RestoredLog, checkpoints: SignedCheckpoints): string {
  const target = checkpoints.largest()
  const missing = (target?.size ?? 0) - restored.size
  return tableText([
    ['restored', `${restored.size} entries`],
    ['published', `${target?.size ?? 0} entries, by ${target?.from}`],
    ['missing', missing > 0 ? `${missing} entries: ${restored.size} to ${(target?.size ?? 0) - 1}` : 'none'],
  ])
}

/** @param faults what can't be used, in sentences */
export function foundText(gathered: readonly Gathered[], faults: readonly string[], found: FoundEntries): string {
  const rows = gathered.map(({ source, taken, refused }) => [
    source,
    `${taken} entries`,
    ...(refused > 0 ? [`${refused} contradicted by the log's signature, or by another source`] : []),
  ])
  const bad = faults.map((fault) => `not used: ${fault}\n`).join('')
  const { absent, unproven } = found.missing()
  const still = [
    ['in no source', stretchesText(absent)],
    ['found, not proved', stretchesText(unproven)],
  ].filter(([, text]) => text !== '')
  return `${tableText(rows)}${bad}${tableText(still)}`
}

export function doneText(size: number, before: number, { views, topics }: TakenBack): string {
  const emptied = views.map(({ name }) => `${name} knew more than the log: it was emptied and fills again\n`)
  const forgotten = topics.map(({ name }) => `${name} is published again from its beginning\n`)
  return `recovered: entries ${before} to ${size - 1} are back, and the log is what was published; start the exchange\n${emptied.join('')}${forgotten.join('')}`
}
