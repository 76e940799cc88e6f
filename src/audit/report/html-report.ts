import { findingCodes } from '../verify/finding.ts'
import type { AuditReport } from '../verify/report.ts'
import { dayChart, kindColours } from './day-chart.ts'
import { headRows, verdictText } from './text-report.ts'

/** A page that prints well and needs nothing but itself: no script, no font, no picture from elsewhere. */
export function htmlReport(report: AuditReport): string {
  const total = Object.values(report.findings.counts).reduce((sum, count) => sum + count, 0)
  const good = total === 0 && report.checkpoint !== undefined
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Audit of ${escaped(report.origin)}</title>
<style>
@page { size: A4; margin: 16mm }
body { font: 14px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1a202c }
h1 { font-size: 1.5rem } h2 { font-size: 1.1rem; margin-top: 2rem }
table { border-collapse: collapse; width: 100% } th, td { text-align: left; vertical-align: top; padding: .3rem .6rem .3rem 0 }
tbody tr, .facts tr { border-top: 1px solid #e2e8f0 } td { overflow-wrap: anywhere } td.number, th.number { text-align: right }
thead { display: table-header-group } tr { break-inside: avoid }
.verdict { padding: .8rem 1rem; border-left: 6px solid; font-weight: 600 }
.good { border-color: #2f855a; background: #f0fff4 } .bad { border-color: #c53030; background: #fff5f5 }
svg { width: 100%; font: 12px system-ui, sans-serif } .legend span { margin-right: 1.2rem } .legend i { display: inline-block; width: .8em; height: .8em; margin-right: .4em }
* { print-color-adjust: exact; -webkit-print-color-adjust: exact }
</style>
</head>
<body>
<h1>Audit of ${escaped(report.origin)}</h1>
<p class="verdict ${good ? 'good' : 'bad'}">${escaped(verdictText(report))}</p>
<table class="facts">${headRows(report)
    .map(([name, value]) => `<tr><th>${escaped(name)}</th><td>${escaped(value)}</td></tr>`)
    .join('\n')}</table>
${dayChart(report.days)}
<p class="legend">${Object.entries(kindColours)
    .map(([kind, colour]) => `<span><i style="background:${colour}"></i>${kind} ${report.kinds[kind] ?? 0}</span>`)
    .join('')}</p>
${findingsSection(report)}
${doubtsSection(report)}
${typesSection(report)}
</body>
</html>
`
}

function findingsSection({ findings: { listed, counts } }: AuditReport): string {
  const codes = Object.entries(findingCodes).filter(([code]) => (counts[code] ?? 0) > 0)
  if (codes.length === 0) return ''
  const rows = listed.map(
    ({ code, index, cause }) => `<tr><td class="number">${index ?? 'log'}</td><td>${code}</td><td>${escaped(cause)}</td></tr>`,
  )
  const sums = codes.map(
    ([code, meaning]) => `<tr><td>${code}</td><td>${escaped(meaning)}</td><td class="number">${counts[code]}</td></tr>`,
  )
  return `<h2>Findings</h2>
<table><thead><tr><th>code</th><th>what it means</th><th class="number">found</th></tr></thead><tbody>${sums.join('\n')}</tbody></table>
<h2>Findings one by one</h2>
<table><thead><tr><th class="number">entry</th><th>code</th><th>cause</th></tr></thead><tbody>${rows.join('\n')}</tbody></table>`
}

function doubtsSection({ doubtful }: AuditReport): string {
  if (doubtful.length === 0) return ''
  const rows = doubtful.map(
    ({ kid, party, since, revokedAt, events, indexes }) =>
      `<tr><td>${escaped(kid)} of ${escaped(party)}</td><td>${escaped(since)}</td><td class="number">${revokedAt}</td>` +
      `<td class="number">${events}</td><td>${indexes.join(', ')}${indexes.length < events ? ', …' : ''}</td></tr>`,
  )
  return `<h2>In doubt: valid, but signed by a key that was later said to be compromised by then</h2>
<table><thead><tr><th>key</th><th>compromised since</th><th class="number">revoked at</th><th class="number">events</th><th>entries</th></tr></thead><tbody>${rows.join('\n')}</tbody></table>`
}

function typesSection({ types }: AuditReport): string {
  const rows = Object.entries(types).map(([type, count]) => `<tr><td>${escaped(type)}</td><td class="number">${count}</td></tr>`)
  if (rows.length === 0) return ''
  return `<h2>Valid events by type</h2>
<table><thead><tr><th>type</th><th class="number">events</th></tr></thead><tbody>${rows.join('\n')}</tbody></table>`
}

/** Causes quote what a log under audit holds: nothing of it may become markup. */
function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}
