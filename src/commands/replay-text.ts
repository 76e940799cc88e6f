import { isJsonObject, type Json, type JsonObject } from '../domain/text.ts'
import { objectsIn } from './objects-in.ts'
import { tableText } from './table.ts'

/** A replay as an operator reads it. */
export function replayText(replay: JsonObject): string {
  const { id, bureau, state, filter, note, reason, party, rate, subjectsDone, subjectsFailed, eventsApplied } = replay
  const rows = [
    ['replay', text(id)],
    ['bureau', text(bureau)],
    ['state', `${text(state)}${note === null ? '' : ` (${text(note)})`}`],
    ['takes', filterText(filter)],
    ['asked by', `${text(party)}: ${text(reason)}`],
    ...planRows(replay.plan),
    ...(state === 'planned' && replay.secondsLeft !== null ? [['takes about', `${text(replay.secondsLeft)} s`]] : []),
    ...(Number(subjectsDone) > 0 || state === 'running'
      ? [
          [
            'done',
            `${text(subjectsDone)} subjects, ${text(eventsApplied)} events applied, ${text(subjectsFailed)} subjects failed again`,
          ],
          [
            'left',
            `${text(replay.subjectsLeft)} subjects${replay.secondsLeft === null ? '' : `, some ${text(replay.secondsLeft)} s`}`,
          ],
        ]
      : []),
    ['rate', rate === null ? 'as fast as it goes' : `${text(rate)} events a second`],
  ]
  const failures = Number(subjectsDone) > 0 ? replay.failures : isJsonObject(replay.plan) ? replay.plan.failures : []
  return `${tableText(rows)}${failuresText(failures, Number(subjectsDone) > 0)}${nextText(replay)}`
}

export function replaysText(replays: readonly JsonObject[]): string {
  if (replays.length === 0) return 'there was no replay yet\n'
  const rows = replays.map((replay) => [
    text(replay.id),
    text(replay.bureau),
    text(replay.state),
    text(replay.subjectsDone),
    isJsonObject(replay.plan) ? text(replay.plan.subjects) : '?',
    text(replay.subjectsFailed),
    text(replay.createdAt),
    text(replay.reason),
  ])
  return tableText([['REPLAY', 'BUREAU', 'STATE', 'DONE', 'OF', 'FAILED', 'ASKED AT', 'REASON'], ...rows])
}

function planRows(plan: Json | undefined): string[][] {
  if (!isJsonObject(plan)) return []
  return [
    ['plan', `${text(plan.subjects)} subjects with ${text(plan.events)} parked events`],
    ['', `${text(plan.applied)} events would be applied, ${text(plan.failed)} subjects would fail again`],
  ]
}

function failuresText(failures: Json | undefined, happened: boolean): string {
  const list = objectsIn(failures)
  if (list.length === 0) return ''
  const rows = list.map(({ cause, type, subjects, example }) => {
    const { index, subject, detail } = isJsonObject(example) ? example : {}
    return [text(cause), text(type), text(subjects), text(index), text(subject), text(detail)]
  })
  const head = [happened ? 'FAILED AGAIN' : 'WOULD FAIL', 'TYPE', 'SUBJECTS', 'FOR EXAMPLE', 'SUBJECT', 'DETAIL']
  return `\n${tableText([head, ...rows])}`
}

/** What the person at the desk most likely does next. */
function nextText({ id, state, plan }: JsonObject): string {
  if (state === 'planned' && isJsonObject(plan) && Number(plan.applied) === 0)
    return Number(plan.failed) > 0 ? '\nnext: cure what would fail, then plan again\n' : ''
  if (state === 'planned') return `\nnext: lianban replay canary ${text(id)} --key … --reason …\n`
  if (state === 'paused') return `\nnext: lianban replay start ${text(id)} --key … --reason …, or replay cancel ${text(id)}\n`
  if (state === 'running') return `\nlook on: lianban replay status ${text(id)} --key …\n`
  return ''
}

function filterText(filter: Json | undefined): string {
  const parts = Object.entries(isJsonObject(filter) ? filter : {}).map(
    ([name, value]) => `${name} ${Array.isArray(value) ? value.join(', ') : text(value)}`,
  )
  return parts.length === 0 ? 'everything that is parked' : parts.join('; ')
}

function text(value: Json | undefined): string {
  return value === undefined || value === null ? '-' : String(value)
}
