import type { Inflicted } from './faults.ts'
import type { Posts } from './posts.ts'
import type { End, Supervised } from './supervised.ts'

/** What a process has to do with its own end. */
export interface OwnEnd extends End {
  readonly name: string
  /** whether a fault was near, of itself or of what it needs */
  readonly excused: boolean
}

/** a fault excuses what ends this long after it */
const nearMs = 20_000

/** Ends that nobody asked for. */
export function ownEnds(processes: readonly Supervised[], faults: readonly Inflicted[]): readonly OwnEnd[] {
  const excuses = (name: string) =>
    faults.filter(({ role, target }) => target === name || role === 'broker' || role === 'postgres')
  return processes.flatMap((one) =>
    one
      .ends()
      .filter(({ asked }) => !asked)
      .map((end) => ({
        ...end,
        name: one.name,
        excused: excuses(one.name).some(({ from, until }) => from <= end.at && end.at <= until + nearMs),
      })),
  )
}

/** The tables at the end of a run, in lines of text. */
export function summary(faults: readonly Inflicted[], ends: readonly OwnEnd[], posts: Posts, recoveryMs: number): string {
  const kinds = [...new Set(faults.map(({ kind }) => kind))]
  const targets = [...new Set(faults.map(({ target }) => target))].sort()
  const count = (target: string, kind: string) =>
    faults.filter((one) => one.target === target && one.kind === kind && one.met).length
  const rows = targets.map((target) => [
    target,
    ...kinds.map((kind) => count(target, kind)),
    ends.filter(({ name }) => name === target).length,
  ])
  const refused = [...posts.refused()].map(([status, times]) => `${times} × ${status}`).join(', ')
  return [
    columns([['', ...kinds, 'ended by itself'], ...rows]),
    '',
    `events acknowledged             ${posts.accepted()}`,
    `answers that asked to try again ${refused === '' ? 'none' : refused}`,
    `longest time without a success  ${seconds(posts.longestWithoutMs())}`,
    `time to recover after the last  ${seconds(recoveryMs)}`,
    ...reasons(ends).map((line) => `ended by itself near a fault: ${line}`),
  ].join('\n')
}

/** Each way in which processes ended near a fault, and how often: most could not start without what they need. */
function reasons(ends: readonly OwnEnd[]): readonly string[] {
  const told = ends.filter(({ excused }) => excused).map(({ name, how, lastWords }) => `${name}, ${how}: ${reason(lastWords)}`)
  return [...new Set(told)].map((line) => `${told.filter((one) => one === line).length} × ${line}`)
}

/** Node ends with its version when nobody has caught an error: then what it said from the error's place on. */
const reason = (words: string): string =>
  lastLine(words).startsWith('Node.js v') ? `it crashed\n${/^(?:file|node):.*/ms.exec(words)?.[0] ?? words}` : lastLine(words)
const lastLine = (words: string): string => words.slice(words.lastIndexOf('\n') + 1).slice(0, 200)

export const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`

function columns(rows: readonly (readonly (string | number)[])[]): string {
  const widths = rows[0]?.map((_, i) => Math.max(...rows.map((row) => String(row[i] ?? '').length))) ?? []
  const cell = (value: string | number, i: number) =>
    typeof value === 'number' ? String(value).padStart(widths[i] ?? 0) : value.padEnd(widths[i] ?? 0)
  return rows.map((row) => row.map(cell).join('  ').trimEnd()).join('\n')
}
