import { expect, it } from 'vitest'
import { Closers } from '../../src/compose/closers.ts'

it('a part that fails to close leaves none of the others open, and is named', async () => {
  const told: object[] = []
  const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined }
  const closers = new Closers({ ...silent, error: (fields) => void told.push(fields) })
  const closed: string[] = []
  closers.add('the database', async () => void closed.push('the database'))
  closers.add('the bus', () => Promise.reject(new Error('the broker is away')))
  closers.add('HTTP', async () => void closed.push('HTTP'))
  await closers.close()
  await closers.close()
  expect(closed).toEqual(['HTTP', 'the database'])
  expect(told).toEqual([{ part: 'the bus', error: new Error('the broker is away') }])
})

it('what is opened after everything was closed is closed at once', async () => {
  const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined }
  const closers = new Closers(silent)
  await closers.close()
  const closed: string[] = []
  closers.add('the bus', async () => void closed.push('the bus'))
  await closers.close()
  expect(closed).toEqual(['the bus'])
})

it('whoever closes second waits for what the first one closes', async () => {
  const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined }
  const closers = new Closers(silent)
  let isClosed = false
  closers.add('the database', async () => {
    await new Promise(setImmediate)
    isClosed = true
  })
  void closers.close()
  await closers.close()
  expect(isClosed).toBe(true)
})
