import fc from 'fast-check'
import { expect, test } from 'vitest'
import { eventOfEntry } from '../../src/view/entry-event.ts'

const event = {
  source: '/bureaus/commerce',
  type: 'registration.established.v1',
  subject: 'S',
  time: 'T',
  data: { name: '大连' },
}
const base64url = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
const jws = `${base64url({ alg: 'ES256' })}.${base64url(event)}.c2lnbmVk`
const asWritten = { kind: 'event', received: '2026-11-26T08:00:00.000Z', jws }

/** By its members, whatever stands where. */
function eventByParsing(entry: string) {
  const { received, jws } = JSON.parse(entry)
  const payload: string | undefined = jws?.split('.')[1]
  if (payload === undefined) return undefined
  const { source, type, subject, time, data } = JSON.parse(Buffer.from(payload, 'base64url').toString())
  return { index: 7, kind: 'registration', sender: source.slice('/bureaus/'.length), received, type, subject, time, data }
}

test('an event is read out of an entry as the log writes it', () => {
  expect(eventOfEntry(JSON.stringify(asWritten), 7, 'registration')).toEqual({
    index: 7,
    sender: 'commerce',
    kind: 'registration',
    type: event.type,
    subject: 'S',
    time: 'T',
    received: asWritten.received,
    data: event.data,
  })
})

test('and the same, whatever stands around it and however it is spelled, as when each member is parsed', () => {
  const awkward = fc.constantFrom('"', '\\', '.', '","jws":"', '"}', 'a', '大', '{"kind":"event","received":"', '\n')
  const text = fc.array(awkward, { maxLength: 4 }).map((parts) => parts.join(''))
  const received = fc.oneof(fc.constant(asWritten.received), text)
  const compact = fc.oneof(
    fc.constant(jws),
    text,
    text.map((before) => `${before}.${base64url(event)}.s`),
  )
  const others = fc.dictionary(fc.constantFrom('kind', 'extra', 'received', 'z'), text, { maxKeys: 3 })
  fc.assert(
    fc.property(received, compact, others, fc.boolean(), fc.nat(2), (received, jws, others, first, spaces) => {
      const members = { kind: 'event', received, jws }
      const entry = JSON.stringify(first ? { ...others, ...members } : { ...members, ...others }, null, spaces)
      let expected: unknown
      try {
        expected = eventByParsing(entry)
      } catch {
        expected = undefined // its payload is no event
      }
      if (expected === undefined) expect(() => eventOfEntry(entry, 7, 'registration')).toThrow()
      else expect(eventOfEntry(entry, 7, 'registration')).toEqual(expected)
    }),
    { numRuns: 2000 },
  )
})

test('an entry that holds no event is refused', () => {
  for (const entry of [
    '{"kind":"event","received":"","jws":""}',
    '{"kind":"key"}',
    '[]',
    '{"kind":"event","received":"","jws":"a.W10.c"}',
  ])
    expect(() => eventOfEntry(entry, 7, 'registration')).toThrow()
})
