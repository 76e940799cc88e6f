import { generateKeyPairSync } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { noteSigner, openNote, parseVkey, signatureLine, signNote, vkeyOf } from '../../src/log/note.ts'

const vkey = 'example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k'
const published = `This is an example message.

— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=
`

function someKey(name: string) {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  return { signer: noteSigner(name, privateKey), verifier: parseVkey(vkeyOf(name, publicKey)) }
}

describe('signed notes', () => {
  test('the published example opens', () => {
    const { text, verified, unknown } = openNote(published, [parseVkey(vkey)])
    expect(text).toBe('This is an example message.\n')
    expect(verified.map(({ name, keyId }) => [name, keyId])).toEqual([['example.com/foo', '530d903a']])
    expect(unknown).toEqual([])
    expect(verified.map(signatureLine).join('')).toBe(published.split('\n\n')[1])
  })

  test('text and signatures part at the last empty line', () => {
    const { signer, verifier } = someKey('a')
    const text = 'one\n\n— a AAAA\n\ntwo\n'
    expect(openNote(signNote(text, [signer]), [verifier]).text).toBe(text)
  })

  test('signatures of strangers are passed over, also of another key with a known name', () => {
    const [known, stranger, namesake] = [someKey('known'), someKey('stranger'), someKey('known')]
    const note = signNote('text\n', [stranger.signer, namesake.signer, known.signer])
    const { verified, unknown } = openNote(note, [known.verifier])
    expect(verified).toHaveLength(1)
    expect(unknown).toHaveLength(2)
    expect(() => openNote(note, [someKey('third').verifier])).toThrow("none of the note's signatures is by a known key")
  })

  test('a note on which any signature of a known key fails is refused, however many others hold', () => {
    const [good, bad] = [someKey('good'), someKey('bad')]
    const forged = { ...bad.signer, sign: () => Buffer.alloc(64) }
    const note = signNote('text\n', [good.signer, forged])
    expect(() => openNote(note, [good.verifier, bad.verifier])).toThrow('the signature of bad')
    expect(() => openNote(signNote('text\n', [good.signer]).replace('text', 'test'), [good.verifier])).toThrow('is not valid')
  })

  test('sixteen signatures are taken, a thousand are not', () => {
    const { signer, verifier } = someKey('a')
    const strangers = (count: number) => Array.from({ length: count }, (_, place) => ({ ...signer, name: `s${place}` }))
    expect(openNote(signNote('text\n', [...strangers(15), signer]), [verifier]).unknown).toHaveLength(15)
    expect(() => openNote(signNote('text\n', [...strangers(1000), signer]), [verifier])).toThrow(/larger than|more than/)
  })

  const line = published.split('\n\n')[1] ?? ''
  test.each([
    ['no newline at the end', published.slice(0, -1)],
    ['no empty line', published.replace('\n\n', '\n')],
    ['no signature', 'This is an example message.\n\n'],
    ['an empty line at the end', `${published}\n`],
    ['a hyphen for the dash', published.replace('—', '-')],
    ['two spaces', published.replace('— ', '—  ')],
    ['something after the signature', published.replace('aQM=\n', 'aQM= x\n')],
    ['base64 without padding', published.replace('aQM=', 'aQM')],
    ['base64 with stray bits', published.replace('aQM=', 'aQN=')],
    ['a plus in a name', published.replace('/foo', '+foo')],
    ['a signature of no bytes', `${published}— x AAAAAA==\n`],
    ['a carriage return', published.replace('.\n', '.\r\n')],
    ['a tab', published.replace('an ', 'an\t')],
    ['a lone surrogate', published.replace('an ', 'an \ud800')],
    ['a malformed line after a good one', `${published}garbage\n`],
    ['a name only', `text\n\n— example.com/foo\n${line}`],
  ])('%s is refused', (_, note) => {
    expect(note).not.toBe(published)
    expect(() => openNote(note, [parseVkey(vkey)])).toThrow(/note/)
  })
})

describe('verifier keys', () => {
  test('one that is written is read, with a plus in its base64 too', () => {
    const keys = Array.from({ length: 60 }, () => generateKeyPairSync('ed25519').publicKey).map((key) => vkeyOf('a/b', key))
    expect(keys.some((key) => key.split('+').length > 3)).toBe(true)
    for (const key of keys) expect(vkeyOf('a/b', parseVkey(key).publicKey)).toBe(key)
  })

  test.each([
    ['another name', vkey.replace('foo', 'bar')],
    ['another key id', vkey.replace('530d903a', '530d903b')],
    ['no key id', vkey.replace('530d903a+', '')],
    ['a witness key', vkey.replace('+Aeky', '+BOky')],
    ['a short key', vkey.slice(0, -4)],
    ['a space in the name', vkey.replace('/foo', '/f o')],
    ['a newline at the end', `${vkey}\n`],
  ])('%s is refused', (_, key) => {
    expect(key).not.toBe(vkey)
    expect(() => parseVkey(key)).toThrow()
  })
})
