import type { JsonObject } from '../domain/text.ts'
import { act } from './openapi-acts.ts'
import { closed, count, index, moment, orNull, schemaRef, text } from './openapi-forms.ts'
import { answer, json, type OperationSpec } from './openapi-operation.ts'

const list = (items: JsonObject): JsonObject => ({ type: 'array', items })
/** -1 where there is none yet. */
const last = (description: string): JsonObject => ({ type: 'integer', minimum: -1, description })

/** What an operator sees of the bus, by name. */
export const busSchemas: JsonObject = {
  BusTopic: closed({
    topic: text('without prefix'),
    publishedTo: orNull(last('every event up to it was acknowledged by the broker; null without a broker')),
    heartbeatAt: orNull(moment('when the broker last took a heartbeat of every partition')),
    heartbeatSize: orNull({ ...count, description: 'entries of the log that it named' }),
    partitions: list(
      closed({
        partition: count,
        lastIndex: orNull(last('of the last event published')),
        firstOffset: orNull({ ...count, description: 'the first that the broker still has' }),
        endOffset: orNull({ ...count, description: 'after its last' }),
      }),
    ),
  }),
  BusConsumer: closed({
    bureau: schemaRef('BureauId'),
    lagEvents: { ...count, description: 'event entries that the view has not taken in; counts up to 10,000' },
    lagSince: orNull(moment('since when the oldest of them is in the log')),
    check: schemaRef('ViewCheck'),
    partitions: list(
      closed({
        topic: text('without prefix'),
        partition: count,
        index: last('every event of the partition up to it was taken in'),
        nextOffset: orNull({ ...count, description: 'where it goes on in the broker’s topic' }),
        heardSize: orNull({ ...count, description: 'entries of the log that the last heartbeat named' }),
        heardAt: orNull(moment('when it was taken')),
        lagEvents: count,
      }),
    ),
  }),
  ViewCheck: {
    description: 'the check of a view for events that it lacks in its past',
    ...closed({
      checkedTo: last('of the round under way'),
      startedAt: orNull(moment('when it began; null: none is under way')),
      completedAt: orNull(moment('end of the last whole round')),
      completedSize: orNull({ ...count, description: 'entries that the log had then' }),
      completedBehind: orNull({
        ...count,
        description: 'events of them that the view had not taken in, so that they were not checked; above 0 it was not whole',
      }),
      behindInRound: { ...count, description: 'the same of the round under way' },
      healedInRound: { ...count, description: 'events that the round under way, or the last one, found missing and folded in' },
      healed: { ...count, description: 'the same of all rounds' },
      healedAt: orNull(moment('when the last was healed')),
      asked: orNull({ ...index, description: 'operation entry of the last request' }),
      answered: orNull({ ...index, description: 'the last request that a whole round has answered' }),
    }),
  },
  Republication: closed({
    id: { ...index, description: 'of the operation entry that asked for it' },
    from: index,
    to: index,
    sentTo: last('every event of the stretch up to it was sent again'),
    events: { ...count, description: 'sent again so far' },
    party: text('who asked'),
    reason: text('why'),
    createdAt: moment('when'),
    finishedAt: orNull(moment('null: there is more to send')),
  }),
  BusStatus: closed({
    bus: { enum: ['embedded', 'kafka'] },
    logSize: { ...count, description: 'entries of the log' },
    brokerFault: orNull(text('why the broker could not be asked')),
    topics: list(schemaRef('BusTopic')),
    consumers: { ...list(schemaRef('BusConsumer')), description: 'of each bureau whose view can be read' },
    viewFaults: list(closed({ bureau: schemaRef('BureauId'), fault: text('why its view can’t be read') })),
    republications: { ...list(schemaRef('Republication')), maxItems: 20 },
  }),
}

export const busOperations: readonly OperationSpec[] = [
  {
    method: 'get',
    path: '/v1/operations/bus',
    operationId: 'getBus',
    summary: 'how far each topic and each bureau’s consumer is, for operators',
    secured: true,
    answers: { '200': answer('the bus now', json(schemaRef('BusStatus'))) },
    problems: ['invalid-request', 'not-yours'],
  },
  act(
    '/v1/operations/republications',
    'republish',
    'action republish, with from and to (the end of the log by default): sends a stretch of the log to the topics again',
  ),
  act(
    '/v1/operations/checks',
    'checkView',
    'action check-view, with bureau: looks through its whole view for events that it lacks, and heals them',
  ),
]
