import { findingCodes, maxListedPerCode } from '../verify/finding.ts'
import type { AuditReport } from '../verify/report.ts'

/** A report for a terminal, plain enough for a file. */
export function textReport(report: AuditReport): string {
  return [...headLines(report), '', ...findingLines(report), ...doubtLines(report)].map((line) => `${line}\n`).join('')
}

/** What was looked at, as rows; the printable page shows the same. */
export function headRows(report: AuditReport): readonly (readonly [name: string, value: string])[] {
  const { checkpoint, lastVisit, operator } = report
  const total = Object.values(report.kinds).reduce((sum, count) => sum + count, 0)
  const kinds = Object.entries(report.kinds)
    .sort(([, a], [, b]) => b - a)
    .map(([kind, count]) => `${count} ${kind}`)
  const rows: (readonly [string, string])[] = [
    ['log', report.origin],
    ['read from', report.source],
    ['checkpoint', checkpoint === undefined ? 'none that is good' : `${checkpoint.size} entries, root ${checkpoint.root}`],
    ...(report.witnesses === undefined ? [] : [['witnesses', witnessText(report.witnesses)] as const]),
    ['entries checked', `${total}${kinds.length === 0 ? '' : ` (${kinds.join(', ')})`}`],
    ...(report.only === undefined ? [] : [['only a part', onlyText(report.only, checkpoint?.size)] as const]),
    ['keys, catalogues', `${report.keys} keys registered, ${report.catalogues} catalogues in force one after another`],
    ['last visit', lastVisit === undefined ? 'none on file: nothing to compare with' : visitText(report)],
    ['trust', report.only?.withRules === false ? noKeysText : trustText(operator)],
    [
      'verified',
      `${report.verifiedAt}, in ${(report.tookMs / 1000).toFixed(1)} s${report.resumed ? ', in more than one run' : ''}`,
    ],
  ]
  return rows
}

/** The one sentence that counts. */
export function verdictText({ checkpoint, findings, doubtful, only }: AuditReport): string {
  const total = Object.values(findings.counts).reduce((sum, count) => sum + count, 0)
  if (checkpoint === undefined) return 'The checkpoint is no good; nothing else was checked, since nothing says what the log is.'
  const inIndex = findings.counts.index ?? 0
  const found = `${total} finding${total === 1 ? '' : 's'}`
  if (total > inIndex) return `${found}: this log is not as it should be.`
  const doubts = doubtful.reduce((sum, { events }) => sum + events, 0)
  const but = doubts === 0 ? '' : ` ${doubts} valid events were signed by keys that were later said to be compromised by then.`
  // nobody has signed an index: what is wrong with it is wrong with this copy
  if (inIndex > 0) return `${found} in the index of this copy; the log itself is complete, unaltered and in order.${but}`
  if (only !== undefined) return `Nothing was found in the part that was checked. ${onlyText(only, checkpoint.size)}${but}`
  return `Nothing was found: the log is complete, unaltered and in order.${but}`
}

/** @param size of the log */
function onlyText({ from, to, withRules, endToldBy }: NonNullable<AuditReport['only']>, size = to): string {
  const read = from < to ? `Only entries ${from} to ${to - 1} were read` : 'No entry was read'
  const which =
    endToldBy === 'auditor'
      ? read
      : `${read}, since this copy says that it holds none of the ${size - to} after them, which nobody has signed`
  const part = `${which}; of the others no more than their hashes in the tree.`
  return withRules
    ? part
    : `${part} Keys and rules come from the log's beginning, so signatures and legal order were NOT checked.`
}

function witnessText({ named, cosigned }: NonNullable<AuditReport['witnesses']>): string {
  const who = cosigned.map(({ name, time }) => `${name} at ${time}`).join(', ')
  return cosigned.length === 0 ? `none of the ${named} named` : `${cosigned.length} of the ${named} named: ${who}`
}

function visitText({ lastVisit, findings: { counts } }: AuditReport): string {
  const what = `${lastVisit?.verifiedAt}: ${lastVisit?.size} entries, root ${lastVisit?.root}`
  if (counts.fork || counts.shrunk) return `${what}; THIS LOG DOES NOT CONTINUE IT`
  return counts.root || counts.missing || counts.checkpoint ? `${what}; not comparable` : `${what}; this log begins with it`
}

const noKeysText = "the log's beginning was not read, so that no keys are known, and none was compared"

/** On whose word keys stand, in a sentence. */
export function trustText({ thumbprint, pinned, given }: AuditReport['operator']): string {
  if (thumbprint === undefined) return 'no operator key was found at index 1'
  if (pinned && given !== thumbprint)
    return `ANOTHER FIRST OPERATOR KEY than --operator says: all keys stand on ${thumbprint}, not on ${given}`
  if (pinned) return `the first operator key was compared with --operator: all keys stand on ${thumbprint}`
  return `keys stand on the word of the log's own first operator key, ${thumbprint}; pin it with --operator`
}

function headLines(report: AuditReport): string[] {
  const rows = headRows(report)
  const width = Math.max(...rows.map(([name]) => name.length))
  return rows.map(([name, value]) => `${name.padEnd(width)}  ${value}`)
}

function findingLines(report: AuditReport): string[] {
  const { listed, counts } = report.findings
  const lines = [verdictText(report)]
  for (const [code, meaning] of Object.entries(findingCodes)) {
    const count = counts[code] ?? 0
    if (count === 0) continue
    lines.push('', `${code}: ${meaning} (${count})`)
    const shown = listed.filter((finding) => finding.code === code)
    for (const { index, cause } of shown) lines.push(`  ${index === null ? 'log' : `entry ${index}`}: ${cause}`)
    if (shown.length < count) lines.push(`  … and ${count - shown.length} more; ${maxListedPerCode} of each are listed`)
  }
  return lines
}

function doubtLines({ doubtful }: AuditReport): string[] {
  return doubtful.flatMap(({ kid, party, since, revokedAt, events, indexes }) => [
    '',
    `in doubt: ${events} events signed by ${kid} of ${party} since ${since}, as its revocation at entry ${revokedAt} says`,
    ...(events === 0 ? [] : [`  entries ${indexes.join(', ')}${indexes.length < events ? ', …' : ''}`]),
  ])
}
