import { findingCodes } from '../verify/finding.ts'
import type { AuditReport } from '../verify/report.ts'
import { verdictText } from './text-report.ts'

/** A report for programs. Members may be added to it, none changes its meaning: `format` would. */
export function jsonReport(report: AuditReport): string {
  const { findings, ...rest } = report
  const total = Object.values(findings.counts).reduce((sum, count) => sum + count, 0)
  const meanings = Object.fromEntries(Object.entries(findingCodes).filter(([code]) => findings.counts[code] !== undefined))
  const all = {
    format: 'lianban-audit-report@1',
    good: total === 0 && report.checkpoint !== undefined,
    verdict: verdictText(report),
    ...rest,
    findings: { total, counts: findings.counts, meanings, listed: findings.listed },
  }
  return `${JSON.stringify(all, null, 2)}\n`
}
