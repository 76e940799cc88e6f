import { generateKeyPairSync, randomBytes, sign } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { openCosigned, parseWitnesses, parseWitnessVkey } from '../../src/log/cosignature.ts'
import { newLogKey } from '../../src/log/log-key.ts'
import { keyIdOf, openNote, parseVkey, signatureLine } from '../../src/log/note.ts'
import { madeWitness } from '../support/made-witness.ts'

const log = newLogKey('lianban.example/dalian')
const [one, two, three] = [madeWitness('w.example/one'), madeWitness('w.example/two'), madeWitness('w.example/three')]
const signed = log.signCheckpoint(7, randomBytes(32))
const at = new Date('2026-11-24T08:00:00Z')

describe('cosignatures of witnesses', () => {
  it('are what the specification says: key id, time and the message, byte by byte', () => {
    const pair = generateKeyPairSync('ed25519')
    const raw = pair.publicKey.export({ format: 'der', type: 'spki' }).subarray(-32)
    const { vkey, line } = madeWitness('w.example/bytes', pair)
    const text = signed.slice(0, signed.indexOf('\n\n') + 1)
    const seconds = at.getTime() / 1000
    const time = Buffer.from(seconds.toString(16).padStart(16, '0'), 'hex')
    const signature = sign(null, Buffer.from(`cosignature/v1\ntime ${seconds}\n${text}`), pair.privateKey)
    const keyId = Buffer.from(keyIdOf('w.example/bytes', 4, raw), 'hex')
    expect(line(signed, at)).toBe(`— w.example/bytes ${Buffer.concat([keyId, time, signature]).toString('base64')}\n`)
    expect(openCosigned(signed + line(signed, at), log.verifier, [parseWitnessVkey(vkey)], 1)).toMatchObject({
      size: 7,
      cosignatures: [{ name: 'w.example/bytes', time: at }],
    })
  })

  it('count towards the quorum, each witness once and strangers not at all', () => {
    const note = signed + one.line(signed, at) + one.line(signed) + three.line(signed)
    expect(openCosigned(note, log.verifier, [one, two], 1).cosignatures.map(({ name }) => name)).toEqual(['w.example/one'])
    expect(() => openCosigned(note, log.verifier, [one, two], 2)).toThrow(
      '1 of the 2 witnesses asked for cosigned the checkpoint of 7 entries; not: w.example/two',
    )
    expect(openCosigned(signed, log.verifier, [one], 0).cosignatures).toEqual([])
    // who knows no witness reads the same note
    expect(openNote(note, [log.verifier]).unknown).toHaveLength(3)
  })

  it('never stand in for the signature of the log', () => {
    const stranger = newLogKey('lianban.example/dalian').signCheckpoint(7, randomBytes(32))
    expect(() => openCosigned(stranger + one.line(stranger), log.verifier, [one], 1)).toThrow(
      "none of the note's signatures is the log's",
    )
  })

  it.each([
    ['over another checkpoint', () => one.line(log.signCheckpoint(8, randomBytes(32)))],
    ['with its time changed', () => altered(one.line(signed, at), 4 + 7)],
    ['with a bit of it changed', () => altered(one.line(signed, at), 4 + 8 + 20)],
    ['of a plain signature, without a time', () => signatureLine({ ...one, signature: randomBytes(64) })],
    ['of a time beyond all years', () => altered(one.line(signed, at), 4)],
    ['too long', () => signatureLine({ ...one, signature: randomBytes(73) })],
  ])('refuse the whole note when one is %s', (_, line) => {
    expect(() => openCosigned(signed + two.line(signed) + line(), log.verifier, [one, two], 1)).toThrow(
      'the signature of w.example/one',
    )
  })

  it('are by keys of their own type: the key of a log is no witness, nor the other way round', () => {
    expect(() => parseWitnessVkey(log.vkey)).toThrow("is no witness's: its type is 1")
    expect(() => parseVkey(one.vkey)).toThrow('is no Ed25519 key')
    expect(() => parseWitnessVkey(one.vkey.replace(one.keyId, '00000000'))).toThrow('does not belong to its key')
  })

  it('come from witnesses that are named once', () => {
    const pair = generateKeyPairSync('ed25519')
    expect(parseWitnesses([one.vkey, two.vkey])).toHaveLength(2)
    expect(() => parseWitnesses([one.vkey, one.vkey])).toThrow('each witness counts once')
    expect(() => parseWitnesses([madeWitness('a', pair).vkey, madeWitness('b', pair).vkey])).toThrow(
      'a and b have one name or one key',
    )
  })
})

function altered(line: string, place: number): string {
  const [dash = '', name = '', base64 = ''] = line.trimEnd().split(' ')
  const bytes = Buffer.from(base64, 'base64')
  bytes[place] = (bytes[place] ?? 0) ^ 1
  return `${dash} ${name} ${bytes.toString('base64')}\n`
}
