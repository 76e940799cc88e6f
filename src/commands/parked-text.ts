import { isJsonObject, type Json, type JsonObject } from '../domain/text.ts'
import { objectsIn } from './objects-in.ts'
import { tableText } from './table.ts'

/** Groups as an operator reads them: the numbers, then for each cause what it means. */
export function groupsText(groups: readonly JsonObject[]): string {
  if (groups.length === 0) return 'nothing is parked\n'
  const rows = groups.map(({ bureau, cause, type, events, subjects, firstParkedAt, lastParkedAt, trend, example }) => {
    const { lastHour, hourBefore } = objectOf(trend)
    const { index, subject, name } = objectOf(example)
    const hours = `${text(lastHour)} (before: ${text(hourBefore)})`
    return [
      ...[bureau, cause, type, events, subjects, firstParkedAt, lastParkedAt].map(text),
      hours,
      ...[index, subject, name].map(text),
    ]
  })
  const head = ['BUREAU', 'CAUSE', 'TYPE', 'EVENTS', 'SUBJECTS', 'FIRST', 'LAST', 'LAST HOUR', 'FOR EXAMPLE', 'SUBJECT', 'NAME']
  const causes = new Map(groups.map((group) => [text(group.cause), group]))
  return `${tableText([head, ...rows])}\n${[...causes.values()].map(causeText).join('\n')}`
}

function causeText({ cause, meaning, cure, example, runbook }: JsonObject): string {
  const { detail } = objectOf(example)
  return [
    `${text(cause)}: ${text(meaning)}`,
    `  for example: ${text(detail)}`,
    `  what usually cures it: ${text(cure)}`,
    `  runbook: ${text(runbook)}\n`,
  ].join('\n')
}

export function listText(events: readonly JsonObject[], more: boolean): string {
  if (events.length === 0) return 'nothing is parked\n'
  const rows = events.map(({ bureau, index, subject, name, type, cause, parkedAt, tries, detail }) =>
    [bureau, index, subject, name, type, cause, parkedAt, tries, detail].map(text),
  )
  const head = ['BUREAU', 'INDEX', 'SUBJECT', 'NAME', 'TYPE', 'CAUSE', 'PARKED AT', 'TRIES', 'DETAIL']
  return `${tableText([head, ...rows])}${more ? `\nthere are more than ${events.length}; see --limit\n` : ''}`
}

/** A subject's events, each with what became of it and what it changes. */
export function historyText({ bureau, kind, subject, name, events }: JsonObject): string {
  const head = tableText([
    ['subject', `${text(subject)} (${text(kind)})`],
    ['name', text(name)],
    ['view of', text(bureau)],
  ])
  return `${head}\n${objectsIn(events).map(eventText).join('\n')}`
}

function eventText({ index, type, sender, received, fate, parkedAt, tries, changes, states }: JsonObject): string {
  const lines = [
    `${text(index)}  ${text(type)} by ${text(sender)}, received ${text(received)}`,
    `  ${fateText(objectOf(fate))}${parkedAt === undefined ? '' : `; parked at ${text(parkedAt)}, tried ${times(tries)}`}`,
  ]
  const changed = [states, changes].flatMap(objectsIn)
  const rows = changed.map(({ field, before, after }) => [`    ${text(field)}`, `${shown(before)} → ${shown(after)}`])
  return `${lines.join('\n')}\n${tableText(rows)}`
}

function fateText({ state, cause, detail, behind, reason, operation }: JsonObject): string {
  if (state === 'parked')
    return `parked: ${text(cause)}${behind === undefined ? `, ${text(detail)}` : ` the event at ${text(behind)}`}`
  return state === 'dismissed' ? `dismissed by operation ${text(operation)}: ${text(reason)}` : text(state)
}

const times = (tries: Json | undefined) => (tries === 1 ? 'once' : `${text(tries)} times`)
const objectOf = (value: Json | undefined): JsonObject => (isJsonObject(value) ? value : {})
const text = (value: Json | undefined): string => (value === undefined || value === null ? '-' : String(value))
const shown = (value: Json | undefined): string =>
  typeof value === 'object' && value !== null ? JSON.stringify(value) : text(value)
