import { isJsonObject, type Json, type JsonObject } from '../domain/text.ts'
import { objectsIn } from './objects-in.ts'
import { tableText } from './table.ts'

/** The bus as an operator reads it: what is published, and how far each bureau is. */
export function busText(status: JsonObject): string {
  const { bus, logSize, brokerFault } = status
  const [topics, consumers] = [objectsIn(status.topics), objectsIn(status.consumers)]
  const fault = brokerFault === null ? '' : `the broker could not be asked: ${text(brokerFault)}\n`
  const heads = topics.map(({ topic, publishedTo, heartbeatAt }) => [topic, publishedTo, heartbeatAt].map(text))
  const parts = [
    `${text(bus)} bus, ${text(logSize)} entries in the log\n${fault}`,
    ...(bus === 'kafka' ? [tableText([['TOPIC', 'PUBLISHED TO', 'LAST HEARTBEAT'], ...heads])] : []),
    tableText([
      ['CONSUMER', 'LAG', 'SINCE', 'HEARD OF', 'AT', 'CHECKED', 'AT', 'HOLES HEALED'],
      ...consumers.map((consumer) => consumerRow(consumer)),
    ]),
    ...objectsIn(status.viewFaults).map(({ bureau, fault }) => `the view of ${text(bureau)}: ${text(fault)}\n`),
    partitionsText(topics, consumers),
    ...objectsIn(status.republications).map(republicationText),
  ]
  return parts.join('\n')
}

export function republicationText({ id, from, to, sentTo, events, reason, finishedAt }: JsonObject): string {
  const state = finishedAt === null ? `under way, up to ${text(sentTo)}` : `through at ${text(finishedAt)}`
  return `republication ${text(id)} of ${text(from)} to ${text(to)}: ${text(events)} events sent again, ${state} (${text(reason)})\n`
}

export function checkText({ bureau, completedSize, completedBehind, completedAt, healedInRound, startedAt }: JsonObject): string {
  if (startedAt !== null) return `the view of ${text(bureau)} is being checked since ${text(startedAt)}\n`
  const found =
    healedInRound === 0 ? 'nothing was missing' : `${text(healedInRound)} events were missing, and are folded in from the log`
  const behind = isBehind(completedBehind)
    ? `the view is behind: ${text(completedBehind)} events of them it had not taken in, and they were not checked; ask again when it has caught up\n`
    : ''
  return `the view of ${text(bureau)} was checked against ${text(completedSize)} entries at ${text(completedAt)}: ${found}\n${behind}`
}

function consumerRow({ bureau, lagEvents, lagSince, partitions, check }: JsonObject): readonly string[] {
  const heard = objectsIn(partitions).filter(({ heardAt }) => heardAt !== null)
  const oldest = heard.toSorted((one, other) => (text(one.heardAt) < text(other.heardAt) ? -1 : 1))[0]
  const { completedSize, completedBehind, completedAt, healed } = isJsonObject(check) ? check : {}
  const checked = isBehind(completedBehind) ? `${text(completedSize)} (${text(completedBehind)} behind)` : completedSize
  return [bureau, lagEvents, lagSince, oldest?.heardSize, oldest?.heardAt, checked, completedAt, healed].map(text)
}

const isBehind = (behind: Json | undefined) => Number(behind ?? 0) > 0

/** A line for each partition; of each bureau its position, and its lag where it has one. */
function partitionsText(topics: readonly JsonObject[], consumers: readonly JsonObject[]): string {
  const head = ['TOPIC', 'PARTITION', 'LAST', 'OFFSETS', ...consumers.map(({ bureau }) => text(bureau))]
  const rows = topics.flatMap(({ topic, partitions }) =>
    objectsIn(partitions).map(({ partition, lastIndex, firstOffset, endOffset }) => [
      text(topic),
      text(partition),
      text(lastIndex),
      endOffset === null ? '-' : `${text(firstOffset)} to ${text(endOffset)}`,
      ...consumers.map((consumer) => {
        const at = objectsIn(consumer.partitions).find((one) => one.topic === topic && one.partition === partition)
        return at === undefined ? '-' : `${text(at.index)}${at.lagEvents === 0 ? '' : ` (${text(at.lagEvents)} behind)`}`
      }),
    ]),
  )
  return tableText([head, ...rows])
}

function text(value: Json | undefined): string {
  return value === undefined || value === null ? '-' : String(value)
}
