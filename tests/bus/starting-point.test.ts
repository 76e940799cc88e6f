import { expect, it } from 'vitest'
import { startingPoint } from '../../src/bus/starting-point.ts'

const topic = 'lianban.registration'
const stored = (index: number, nextOffset?: number, brokerTopic = topic) => ({
  topic: 'registration',
  partition: 0,
  index,
  broker: nextOffset === undefined ? undefined : { topic: brokerTopic, nextOffset },
})
const published = (index: number, last: number) => ({ topic, partitions: 1, index, lastIndexes: [last] })

it.each([
  ['nothing stored, nothing published', undefined, { low: 0, high: 0 }, undefined, { from: 'offset', offset: 0 }],
  ['nothing stored, the topic is whole', undefined, { low: 0, high: 9 }, published(50, 50), { from: 'offset', offset: 0 }],
  ['nothing stored, retention cut the beginning', undefined, { low: 3, high: 9 }, published(50, 50), { from: 'log', after: -1 }],
  [
    'nothing stored, the topic is new but the log is not',
    undefined,
    { low: 0, high: 0 },
    published(50, 50),
    { from: 'log', after: -1 },
  ],
  ['in the middle', stored(20, 5), { low: 0, high: 9 }, published(50, 50), { from: 'offset', offset: 5 }],
  ['at the end, all of it', stored(50, 9), { low: 0, high: 9 }, published(50, 50), { from: 'offset', offset: 9 }],
  [
    'at the end, but more was published: the topic lost it',
    stored(20, 5),
    { low: 0, high: 5 },
    published(50, 50),
    { from: 'log', after: 20 },
  ],
  ['retention cut what comes next', stored(20, 5), { low: 7, high: 9 }, published(50, 50), { from: 'log', after: 20 }],
  ['the topic was made anew', stored(20, 5), { low: 0, high: 2 }, published(50, 50), { from: 'log', after: 20 }],
  [
    'the offset is of another topic',
    stored(20, 5, 'old.registration'),
    { low: 0, high: 9 },
    published(50, 50),
    { from: 'log', after: 20 },
  ],
  [
    'read from the log before, all that was published',
    stored(20),
    { low: 0, high: 9 },
    published(50, 20),
    { from: 'log', after: 50 },
  ],
] as const)('%s', (_, position, marks, progress, expected) => {
  expect(startingPoint(position, topic, marks, progress, 0)).toEqual(expected)
})
