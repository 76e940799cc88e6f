import type { Appended } from './appendable.ts'
import type { Decision } from './decide.ts'
import { receivedText } from './entry.ts'
import type { Head } from './look-up.ts'
import { receiptText } from './receipt.ts'
import type { Extended } from './right-edge.ts'
import type { Plan, Row } from './rows.ts'

/** What a commit made of the tree. */
export interface Signed {
  readonly tree: Extended
  readonly checkpoint: string
}

export function answerTo(decision: Decision, plan: Plan, head: Head, signed: Signed | undefined): Appended {
  if (decision.do === 'reject') return { outcome: 'refused', refusal: decision.refusal, index: undefined }
  if (decision.do === 'refuse') return { outcome: 'refused', refusal: decision.refusal, index: plan.indexes.get(decision) }
  if (decision.do === 'repeat') {
    const warnings = decision.check?.state === 'valid' ? decision.check.warnings : []
    const { index, received } =
      'do' in decision.of ? { index: plan.indexes.get(decision.of) ?? -1, received: head.received } : decision.of
    return { outcome: 'repeated', index, received: receivedText(received), warnings }
  }
  const row = plan.rowsByIndex.get(plan.indexes.get(decision) ?? -1)
  if (row === undefined || signed === undefined) throw new Error('an accepted item has no row')
  return appendedAnswer(row, head, signed, decision.do === 'accept' ? decision.check.warnings : [])
}

export function appendedAnswer(
  row: Row,
  head: Head,
  { tree, checkpoint }: Signed,
  warnings: (Appended & { outcome: 'appended' })['warnings'],
): Appended {
  const receipt = receiptText({ index: row.index, proof: tree.proofOf(row.index), checkpoint })
  return { outcome: 'appended', index: row.index, received: receivedText(head.received), leafHash: row.leaf, receipt, warnings }
}
