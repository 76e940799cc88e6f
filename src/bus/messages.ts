import type { Message } from 'kafkajs'
import type { LoggedEvent } from './log-reader.ts'
import { partitionOf } from './partition.ts'
import type { Progress } from './published.ts'

/** The messages of events of one topic, and what is then the last index in each partition. */
export function messagesFor({ topic, partitions, index, lastIndexes }: Progress, events: readonly LoggedEvent[]) {
  const last = [...lastIndexes]
  const messages: Message[] = events.map((event) => {
    const partition = partitionOf(event.subject, partitions)
    const previous = last[partition] ?? -1
    last[partition] = event.index
    return { key: event.subject, value: event.entry, partition, headers: headersOf(event, previous) }
  })
  return { topic, partitions, index, lastIndexes: last, messages }
}

/** @param previous index of the event before it in its partition, -1 for the first */
function headersOf({ index, eventId, type, party, subject }: LoggedEvent, previous: number): Record<string, string> {
  return {
    ce_id: eventId,
    ce_type: type,
    ce_source: `/bureaus/${party}`,
    ce_subject: subject,
    lianban_index: String(index),
    lianban_previous: String(previous),
    lianban_message: 'event',
  }
}

/**
 * A heartbeat for each partition of a topic: no key, none of the headers of CloudEvents, and a value that says what it is to those
 * who look at values alone.
 *
 * @param sentTo every event up to this index is in the topic
 */
export function heartbeatsOf({ index, lastIndexes }: Progress, sentTo: number): Message[] {
  const size = String(Math.max(index, sentTo) + 1)
  return lastIndexes.map((last, partition) => ({
    partition,
    key: null,
    value: '{"kind":"heartbeat"}',
    headers: { lianban_message: 'heartbeat', lianban_previous: String(last), lianban_size: size },
  }))
}
