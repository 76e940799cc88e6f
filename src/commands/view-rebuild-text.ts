import { isJsonObject, type Json, type JsonObject } from '../domain/text.ts'
import { differenceRows } from './differences-text.ts'
import { objectsIn } from './objects-in.ts'
import { tableText } from './table.ts'

/**
 * A rebuild as an operator reads it.
 *
 * @param hasNext false where what comes next is told apart
 */
export function rebuildText(rebuild: JsonObject, hasNext = true): string {
  const { id, bureau, state, dryRun, note, party, reason, progress, result } = rebuild
  const rows = [
    ['rebuild', text(id)],
    ['bureau', text(bureau)],
    ['state', `${text(state)}${dryRun === true ? ', a dry run' : ''}${note === null ? '' : ` (${text(note)})`}`],
    ['asked by', `${text(party)}: ${text(reason)}`],
    ...(isJsonObject(progress)
      ? [['folded', `${text(progress.subjects)} of ${text(progress.of)} subjects, ${text(progress.events)} events`]]
      : []),
    ...resultRows(result),
  ]
  return `${tableText(rows)}${examplesText(result)}${hasNext ? nextText(rebuild) : ''}`
}

export function rebuildsText(rebuilds: readonly JsonObject[]): string {
  if (rebuilds.length === 0) return 'there was no rebuild yet\n'
  const rows = rebuilds.map(({ id, bureau, state, dryRun, createdAt, reason }) =>
    [id, bureau, state, dryRun === true ? 'yes' : 'no', createdAt, reason].map(text),
  )
  return tableText([['REBUILD', 'BUREAU', 'STATE', 'DRY RUN', 'ASKED AT', 'REASON'], ...rows])
}

function resultRows(result: Json | undefined): string[][] {
  if (!isJsonObject(result)) return []
  const { subjects, different, missing, extra, parked, recordsTaken, behind } = result
  const differ = [different, missing, extra, parked].reduce<number>((sum, count) => sum + Number(count), 0)
  if (differ === 0) return [['compared', `${text(subjects)} subjects, all alike${behindText(behind)}`]]
  return [
    ['compared', `${text(subjects)} subjects, ${differ} differ${behindText(behind)}`],
    ['', `${text(different)} with other values, ${text(parked)} with other events parked`],
    ['', `${text(missing)} only in the rebuilt view, ${text(extra)} only in the live one, with the same events parked`],
    ['taken away', takenText(recordsTaken)],
  ]
}

/** What the swap takes away, as whoever asks for it or approves it has to know. */
export function takenText(records: Json | undefined): string {
  if (typeof records !== 'number') return 'not counted: an older version compared the two; rebuild anew to know'
  if (records === 0) return 'no record of the live view'
  return `${records} ${records === 1 ? 'record' : 'records'} of the live view: the rebuilt one has none of ${records === 1 ? 'that subject' : 'these subjects'}`
}

const behindText = (behind: Json | undefined) =>
  Number(behind) > 0 ? `; ${text(behind)} not compared: the live view had not come as far` : ''

function examplesText(result: Json | undefined): string {
  const examples = isJsonObject(result) ? objectsIn(result.examples) : []
  if (examples.length === 0) return ''
  const head = ['FOR EXAMPLE', 'WHAT', 'FIELD', 'LIVE', 'FROM', 'REBUILT', 'FROM']
  return `\n${tableText([head, ...examples.flatMap(exampleRows)])}`
}

function exampleRows(example: JsonObject): string[][] {
  const rows = differenceRows(example, ['live', 'rebuilt'])
  if (example.takesRecord !== true) return rows
  return rows.map(([subject = '', what, ...rest]) => [subject, `${what}, record taken away`, ...rest])
}

/** What the person at the desk most likely does next. */
function nextText({ id, state }: JsonObject): string {
  if (state === 'ready') return `\nnext: lianban view swap ${text(id)} --key … --reason …, or view cancel ${text(id)}\n`
  if (state === 'building' || state === 'swapping') return `\nlook on: lianban view status ${text(id)} --key …\n`
  return ''
}

function text(value: Json | undefined): string {
  return value === undefined || value === null ? '-' : String(value)
}
