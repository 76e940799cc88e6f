import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { completeEvent, sameContent } from '../../src/commands/complete-event.ts'
import { type InputEvent, inputEvents, inputFiles } from '../../src/commands/post-input.ts'
import { pauseBeforeMs } from '../../src/commands/retry.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lianban-input-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

async function eventsOf(...paths: string[]): Promise<InputEvent[]> {
  const events: InputEvent[] = []
  for await (const event of inputEvents(await inputFiles(paths))) events.push(event)
  return events
}

describe('the files that are posted', () => {
  it('a file of any size comes line by line, whatever the pieces it is read in', async () => {
    const file = join(folder, 'large.ndjson')
    const lines = Array.from({ length: 3000 }, (_, n) => JSON.stringify({ n, pad: '字'.repeat(n % 200) }))
    await writeFile(file, lines.join('\r\n'))
    const events = await eventsOf(file)
    expect(events.map(({ bytes }) => bytes?.toString().trim())).toEqual(lines)
    expect(events.map(({ line }) => line)).toEqual(lines.map((_, n) => n + 1))
    expect(events.at(-1)?.readBytes).toBe(Buffer.byteLength(lines.join('\r\n')))
  })

  it('a line longer than any event is not kept, and the next one is whole', async () => {
    const file = join(folder, 'long.ndjson')
    await writeFile(file, `{"a":1}\n${'x'.repeat(900_000)}\n\n{"b":2}\n${'y'.repeat(900_000)}`)
    const events = await eventsOf(file)
    expect(events.map(({ line, bytes }) => [line, bytes?.toString()])).toEqual([
      [1, '{"a":1}'],
      [2, undefined],
      [4, '{"b":2}'],
      [5, undefined],
    ])
  })

  it('a folder gives its .json files in name order', async () => {
    for (const name of ['10.json', '02.json', 'readme.md', '01.json']) await writeFile(join(folder, name), '{}')
    expect((await eventsOf(folder)).map(({ base }) => base)).toEqual(['01', '02', '10'])
  })
})

describe('what is missing in an event', () => {
  const event = { type: 't.v1', subject: 's', data: { b: 1, a: [{ d: 1, c: 2 }] } }
  const bytes = Buffer.from(JSON.stringify(event))
  const now = new Date('2026-11-23T08:00:00Z')

  it('is added, with an id that the content alone decides', () => {
    const { event: completed, party } = completeEvent(event, bytes, 'commerce', now)
    expect(party).toBe('commerce')
    expect(completed).toMatchObject({ specversion: '1.0', source: '/bureaus/commerce', time: '2026-11-23T08:00:00.000Z' })
    const reordered = { data: { a: [{ c: 2, d: 1 }], b: 1 }, subject: 's', type: 't.v1' }
    expect(completeEvent(reordered, bytes, 'commerce', new Date()).event.id).toBe(completed.id)
    expect(completeEvent({ ...event, subject: 'other' }, bytes, 'commerce', now).event.id).not.toBe(completed.id)
    expect(completeEvent(event, bytes, 'state-tax', now).event.id).not.toBe(completed.id)
  })

  it('is nothing where the event is whole: then its bytes are signed as they are', () => {
    const { event: whole } = completeEvent(event, bytes, 'commerce', now)
    const spaced = Buffer.from(JSON.stringify(whole, null, 2))
    expect(completeEvent(whole, spaced, undefined, new Date())).toMatchObject({
      payload: spaced,
      timed: false,
      party: 'commerce',
    })
  })

  it('the same facts are told from others in any order of members', () => {
    expect(sameContent({ ...event, id: '1' }, { data: { a: [{ c: 2, d: 1 }], b: 1 }, subject: 's', type: 't.v1', id: '2' })).toBe(
      true,
    )
    expect(sameContent(event, { ...event, data: { ...event.data, b: 2 } })).toBe(false)
  })
})

describe('pauses before another try', () => {
  it('grow, are spread, have a bound, and are never shorter than Retry-After says', () => {
    expect(pauseBeforeMs(1, 0, () => 0)).toBe(125)
    expect(pauseBeforeMs(1, 0, () => 1)).toBe(250)
    expect(pauseBeforeMs(4, 0, () => 1)).toBe(2000)
    expect(pauseBeforeMs(30, 0, () => 1)).toBe(15_000)
    expect(pauseBeforeMs(1, 7, () => 1)).toBe(7000)
    expect(pauseBeforeMs(1, 86_400, () => 1)).toBe(60_000)
  })
})
